// Sums over a workgroup of THREADS invocations, VALUES of them at once. Defined before inclusion:
// THREADS, VALUES; SUBGROUPS where each subgroup adds by itself first.
#ifdef SUBGROUPS
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#endif

shared float parts[THREADS * VALUES];

// Hands in this invocation's share of value k; all k before the barrier that follows.
void hand_in(uint k, float share) {
#ifdef SUBGROUPS
  const float sum = subgroupAdd(share);
  if (subgroupElect()) parts[gl_SubgroupID * VALUES + k] = sum;
#else
  parts[gl_LocalInvocationID.x * VALUES + k] = share;
#endif
}

// After the barrier, by any invocation; always in the same order.
float total_of(uint k) {
#ifdef SUBGROUPS
  const uint count = gl_NumSubgroups;
#else
  const uint count = THREADS;
#endif
  float total = 0.0;
  for (uint i = 0u; i < count; ++i) total += parts[i * VALUES + k];
  return total;
}
