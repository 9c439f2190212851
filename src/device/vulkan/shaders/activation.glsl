// The functions of model/program.h's Activation, by its number.
float activated(uint activation, float x) {
  if (activation == 0u) return x / (1.0 + exp(-x));
  // Some devices' tanh overflows: beyond 15 it is 1 in any case.
  const float y = 0.7978845608 * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1.0 + tanh(clamp(y, -15.0, 15.0)));
}
