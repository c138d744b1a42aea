/* The functions of elementwise operations, of vectors a, b and c. This table is the only one: Python reads its names.
 */
#ifndef FLOWEXPORT_FUNCTIONS_H
#define FLOWEXPORT_FUNCTIONS_H

#define FUNCTIONS(F)               \
  F(copy, a)                       \
  F(neg, -a)                       \
  F(abs, magnitude(a))             \
  F(exp, exponential(a))           \
  F(log, logarithm(a))             \
  F(sqrt, root(a))                 \
  F(sigmoid, sigmoid(a))           \
  F(softsign, softsign(a))         \
  F(relu, rectified(a))            \
  F(silu, a *sigmoid(a))           \
  F(add, a + b)                    \
  F(sub, a - b)                    \
  F(mul, a *b)                     \
  F(div, a / b)                    \
  F(max, larger(a, b))             \
  F(min, smaller(a, b))            \
  F(ge, truth(a >= b))             \
  F(gt, truth(a > b))              \
  F(lt, truth(a < b))              \
  F(le, truth(a <= b))             \
  F(eq, truth(a == b))             \
  F(cap, softsign(a) * b)          \
  F(where, choose(a != 0, b, c))   \
  F(fma, a *b + c)                 \
  F(affine, a *exponential(b) + c) \
  F(inverse_affine, (a - b) * exponential(c))

#define FUNCTION_CODE(name, value) FUNCTION_##name,
enum { FUNCTIONS(FUNCTION_CODE) FUNCTION_COUNT };
#undef FUNCTION_CODE

#endif
