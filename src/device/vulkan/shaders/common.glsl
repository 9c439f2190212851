// What all shaders share. Activations are float32, row after row without gaps.

// Groups come in rows of 32768: no device need have more along one axis (recording.cc).
uint workgroup_number() { return gl_WorkGroupID.x + gl_WorkGroupID.y * 32768u; }

float half_of(uint bits) { return unpackHalf2x16(bits & 0xFFFFu).x; }
