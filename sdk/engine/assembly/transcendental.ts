// exp, tanh and others of four float32 at once, within about an ulp: the polynomials of Cephes (Moshier 1992), from
// operations that WebAssembly defines to the bit. NaN gives NaN.

// @ts-ignore: decorator
@inline
function step(sum: v128, x: v128, coefficient: f32): v128 {
  return f32x4.add(f32x4.mul(sum, x), f32x4.splat(coefficient))
}

// Keeps NaN, as the first operand of both.
// @ts-ignore: decorator
@inline
function limited(given: v128): v128 {
  return f32x4.pmin(f32x4.pmax(given, f32x4.splat(-87.3365)), f32x4.splat(88.37626))
}

// The exponent n of the power of 2 that is next to exp(x).
// @ts-ignore: decorator
@inline
function exponentOf(x: v128): v128 {
  return f32x4.floor(f32x4.add(f32x4.mul(x, f32x4.splat(1.44269504)), f32x4.splat(0.5)))
}

// For whole n from −126 to 127: their sums with 1.5 · 2²³ have n in their lowest bits.
// @ts-ignore: decorator
@inline
function twoTo(n: v128): v128 {
  return i32x4.shl(i32x4.add(f32x4.add(n, f32x4.splat(12582912)), i32x4.splat(127)), 23)
}

// exp(x) / 2ⁿ − 1.
// @ts-ignore: decorator
@inline
function expRest(given: v128, n: v128): v128 {
  const high = f32x4.sub(given, f32x4.mul(n, f32x4.splat(0.693359375)))
  const x = f32x4.sub(high, f32x4.mul(n, f32x4.splat(-2.12194440e-4)))
  let sum = step(f32x4.splat(1.9875691500e-4), x, 1.3981999507e-3)
  sum = step(sum, x, 8.3334519073e-3)
  sum = step(sum, x, 4.1665795894e-2)
  sum = step(sum, x, 1.6666665459e-1)
  sum = step(sum, x, 5.0000001201e-1)
  return f32x4.add(f32x4.mul(f32x4.mul(sum, x), x), x)
}

// Beyond −87.3 and 88.3, at the limits of float32, the result stays that of the limit.
// @ts-ignore: decorator
@inline
export function exp4(given: v128): v128 {
  const x = limited(given)
  const n = exponentOf(x)
  return f32x4.mul(f32x4.add(expRest(x, n), f32x4.splat(1)), twoTo(n))
}

// exp(x) − 1, exact also near 0.
// @ts-ignore: decorator
@inline
export function expm14(given: v128): v128 {
  const x = limited(given)
  const n = exponentOf(x)
  const power = twoTo(n)
  return f32x4.add(f32x4.mul(expRest(x, n), power), f32x4.sub(power, f32x4.splat(1)))
}

// log(1 + t) for t from 0 to 1: the series of 2 · artanh(t / (2 + t)).
// @ts-ignore: decorator
@inline
export function log1p4(t: v128): v128 {
  const s = f32x4.div(t, f32x4.add(t, f32x4.splat(2)))
  const square = f32x4.mul(s, s)
  let sum = step(f32x4.splat(2.0 / 15.0), square, 2.0 / 13.0)
  sum = step(sum, square, 2.0 / 11.0)
  sum = step(sum, square, 2.0 / 9.0)
  sum = step(sum, square, 2.0 / 7.0)
  sum = step(sum, square, 2.0 / 5.0)
  sum = step(sum, square, 2.0 / 3.0)
  sum = step(sum, square, 2.0)
  return f32x4.mul(sum, s)
}

// The standard normal distribution's tail beyond |x|, given exp(−x²/2): a polynomial of 1 / (1 + 0.3 · |x| / √2) for
// erfc(u) · exp(u²), fitted to a relative error of 2 · 10⁻⁸.
// @ts-ignore: decorator
@inline
export function normalTail4(x: v128, bell: v128): v128 {
  const one = f32x4.splat(1)
  const t = f32x4.div(one, f32x4.add(one, f32x4.mul(f32x4.abs(x), f32x4.splat(0.212132034))))
  let sum = step(f32x4.splat(-0.1292546816), t, 0.4841513906)
  sum = step(sum, t, -0.5090911329)
  sum = step(sum, t, 0.5436960662)
  sum = step(sum, t, -0.09154692343)
  sum = step(sum, t, 0.2134306713)
  sum = step(sum, t, 0.1487780080)
  sum = step(sum, t, 0.1706436061)
  sum = step(sum, t, 0.1691929764)
  return f32x4.mul(f32x4.mul(f32x4.mul(sum, t), bell), f32x4.splat(0.5))
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
