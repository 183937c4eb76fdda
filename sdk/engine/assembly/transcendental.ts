// exp and tanh of four float32 at once, within about an ulp: the polynomials of Cephes (Moshier 1992), from operations that
// WebAssembly defines to the bit. NaN gives NaN.

// @ts-ignore: decorator
@inline
function step(sum: v128, x: v128, coefficient: f32): v128 {
  return f32x4.add(f32x4.mul(sum, x), f32x4.splat(coefficient))
}

// Beyond −87.3 and 88.3, at the limits of float32, the result stays that of the limit.
// @ts-ignore: decorator
@inline
export function exp4(given: v128): v128 {
  const limited = f32x4.min(f32x4.max(given, f32x4.splat(-87.3365)), f32x4.splat(88.37626))
  const power = f32x4.floor(f32x4.add(f32x4.mul(limited, f32x4.splat(1.44269504)), f32x4.splat(0.5)))
  const high = f32x4.sub(limited, f32x4.mul(power, f32x4.splat(0.693359375)))
  const x = f32x4.sub(high, f32x4.mul(power, f32x4.splat(-2.12194440e-4)))
  let sum = step(f32x4.splat(1.9875691500e-4), x, 1.3981999507e-3)
  sum = step(sum, x, 8.3334519073e-3)
  sum = step(sum, x, 4.1665795894e-2)
  sum = step(sum, x, 1.6666665459e-1)
  sum = step(sum, x, 5.0000001201e-1)
  sum = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(sum, x), x), x), f32x4.splat(1))
  const exponent = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(power), i32x4.splat(127)), 23)
  return f32x4.mul(sum, exponent)
}

// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const size = f32x4.abs(x)
  const one = f32x4.splat(1)
  const far = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(exp4(f32x4.add(size, size)), one)))
  const square = f32x4.mul(x, x)
  let sum = step(f32x4.splat(-5.70498872745e-3), square, 2.06390887954e-2)
  sum = step(sum, square, -5.37397155531e-2)
  sum = step(sum, square, 1.33314422036e-1)
  sum = step(sum, square, -3.33332819422e-1)
  const near = f32x4.add(f32x4.mul(f32x4.mul(sum, square), x), x)
  const sign = v128.and(x, f32x4.splat(-0.0))
  return v128.bitselect(v128.or(far, sign), near, f32x4.gt(size, f32x4.splat(0.625)))
}
