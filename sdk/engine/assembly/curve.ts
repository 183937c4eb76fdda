// Activations over vectors. Each pass also writes the activation's slopes where the gradient of x will be, unless that
// address is 0: the backward pass is then one product. Counts are multiples of 4.
import { exp4, expm14, log1p4, normalTail4, tanh4 } from './transcendental'

// @ts-ignore: decorator
@inline
const GELU = 0
// @ts-ignore: decorator
@inline
const GELU_TANH = 1
// @ts-ignore: decorator
@inline
const SWISH = 2
// @ts-ignore: decorator
@inline
const ELU = 3
// @ts-ignore: decorator
@inline
const SOFTPLUS = 4
// @ts-ignore: decorator
@inline
const HARD_SIGMOID = 5
// @ts-ignore: decorator
@inline
const SOFTSIGN = 6
// @ts-ignore: decorator
@inline
const MISH = 7
// @ts-ignore: decorator
@inline
const THRESHOLD = 8

// @ts-ignore: decorator
@inline
function half(x: v128): v128 {
  return f32x4.mul(x, f32x4.splat(0.5))
}

// The curve `kind`, whose meaning of `a` and `b` is said below.
// @ts-ignore: decorator
@inline
function along(kind: i32, x: usize, y: usize, slope: usize, a: f32, b: f32, count: i32): void {
  const one = f32x4.splat(1), zero = f32x4.splat(0)
  for (let at: usize = 0, end = <usize>count << 2; at < end; at += 16) {
    const value = v128.load(x + at)
    let out = value, rise = one
    if (kind == GELU) {
      // y = x · Φ(x), Φ the standard normal distribution.
      const bell = exp4(half(f32x4.neg(f32x4.mul(value, value))))
      const tail = normalTail4(value, bell)
      const share = v128.bitselect(f32x4.sub(one, tail), tail, f32x4.gt(value, zero))
      out = f32x4.mul(value, share)
      rise = f32x4.add(share, f32x4.mul(f32x4.mul(value, bell), f32x4.splat(0.3989422804)))
    } else if (kind == GELU_TANH) {
      // y = x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) / 2.
      const factor = f32x4.splat(0.7978845608)
      const cubic = f32x4.mul(f32x4.mul(value, value), f32x4.splat(0.044715))
      const bent = tanh4(f32x4.mul(factor, f32x4.add(value, f32x4.mul(value, cubic))))
      const share = half(f32x4.add(one, bent))
      out = f32x4.mul(value, share)
      const inner = f32x4.mul(factor, f32x4.add(one, f32x4.mul(cubic, f32x4.splat(3))))
      const rest = f32x4.mul(half(value), f32x4.sub(one, f32x4.mul(bent, bent)))
      rise = f32x4.add(share, f32x4.mul(rest, inner))
    } else if (kind == SWISH) {
      // y = x / (1 + exp(−x)).
      const share = f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(value))))
      out = f32x4.mul(value, share)
      rise = f32x4.add(share, f32x4.mul(out, f32x4.sub(one, share)))
    } else if (kind == ELU) {
      // y = b · x above 0; a · (exp(x) − 1) below.
      const above = f32x4.gt(value, zero), most = f32x4.splat(a)
      const below = f32x4.mul(expm14(value), most)
      out = v128.bitselect(f32x4.mul(value, f32x4.splat(b)), below, above)
      rise = v128.bitselect(f32x4.splat(b), f32x4.add(below, most), above)
    } else if (kind == SOFTPLUS) {
      // y = log(1 + exp(x)).
      const small = exp4(f32x4.neg(f32x4.abs(value)))
      out = f32x4.add(f32x4.max(value, zero), log1p4(small))
      rise = f32x4.div(v128.bitselect(one, small, f32x4.gt(value, zero)), f32x4.add(one, small))
    } else if (kind == HARD_SIGMOID) {
      // y = 0.2 · x + 0.5, but from 0 to 1.
      const line = f32x4.add(f32x4.mul(value, f32x4.splat(0.2)), f32x4.splat(0.5))
      out = f32x4.min(f32x4.max(line, zero), one)
      rise = v128.and(f32x4.splat(0.2), f32x4.eq(line, out))
    } else if (kind == SOFTSIGN) {
      // y = x / (1 + |x|).
      const size = f32x4.add(one, f32x4.abs(value))
      out = f32x4.div(value, size)
      rise = f32x4.div(one, f32x4.mul(size, size))
    } else if (kind == MISH) {
      // y = x · tanh(log(1 + exp(x))), where the tanh is n / (n + 2) with n = exp(2x) + 2 · exp(x). From 20 on it is 1.
      const e = exp4(f32x4.min(value, f32x4.splat(20)))
      const more = f32x4.add(e, f32x4.splat(2))
      const n = f32x4.mul(e, more)
      const whole = f32x4.add(n, f32x4.splat(2))
      const share = f32x4.div(n, whole)
      out = f32x4.mul(value, share)
      const quotient = f32x4.div(f32x4.mul(f32x4.splat(4), f32x4.mul(e, f32x4.add(e, one))), f32x4.mul(whole, whole))
      rise = f32x4.add(share, f32x4.mul(value, quotient))
    } else if (kind == THRESHOLD) {
      // y = x above a; 0 below.
      const above = f32x4.gt(value, f32x4.splat(a))
      // The product keeps NaN.
      out = v128.bitselect(value, f32x4.mul(value, zero), above)
      rise = v128.and(one, above)
    }
    v128.store(y + at, out)
    if (slope != 0) v128.store(slope + at, rise)
  }
}

export function gelu(x: usize, y: usize, slope: usize, a: f32, b: f32, count: i32): void {
  along(GELU, x, y, slope, a, b, count)
}

export function geluTanh(x: usize, y: usize, slope: usize, a: f32, b: f32, count: i32): void {
  along(GELU_TANH, x, y, slope, a, b, count)
}

export function swish(x: usize, y: usize, slope: usize, a: f32, b: f32, count: i32): void {
  along(SWISH, x, y, slope, a, b, count)
}

export function elu(x: usize, y: usize, slope: usize, a: f32, b: f32, count: i32): void {
  along(ELU, x, y, slope, a, b, count)
}

export function softplus(x: usize, y: usize, slope: usize, a: f32, b: f32, count: i32): void {
  along(SOFTPLUS, x, y, slope, a, b, count)
}

export function hardSigmoid(x: usize, y: usize, slope: usize, a: f32, b: f32, count: i32): void {
  along(HARD_SIGMOID, x, y, slope, a, b, count)
}

export function softsign(x: usize, y: usize, slope: usize, a: f32, b: f32, count: i32): void {
  along(SOFTSIGN, x, y, slope, a, b, count)
}

export function mish(x: usize, y: usize, slope: usize, a: f32, b: f32, count: i32): void {
  along(MISH, x, y, slope, a, b, count)
}

export function threshold(x: usize, y: usize, slope: usize, a: f32, b: f32, count: i32): void {
  along(THRESHOLD, x, y, slope, a, b, count)
}

// y = x above 0, alpha · x below. Alpha is repeated after `period` values.
export function prelu(x: usize, alpha: usize, period: i32, y: usize, count: i32): void {
  const zero = f32x4.splat(0), bytes = <usize>period << 2
  for (const end = x + (<usize>count << 2); x < end; x += bytes, y += bytes) {
    for (let at: usize = 0; at < bytes; at += 16) {
      const value = v128.load(x + at)
      v128.store(y + at, v128.bitselect(value, f32x4.mul(value, v128.load(alpha + at)), f32x4.gt(value, zero)))
    }
  }
}

export function preluGradient(x: usize, alpha: usize, period: i32, dy: usize, dx: usize, count: i32): void {
  const zero = f32x4.splat(0), bytes = <usize>period << 2
  for (const end = x + (<usize>count << 2); x < end; x += bytes, dy += bytes, dx += bytes) {
    for (let at: usize = 0; at < bytes; at += 16) {
      const above = f32x4.gt(v128.load(x + at), zero), gradient = v128.load(dy + at)
      v128.store(dx + at, v128.bitselect(gradient, f32x4.mul(gradient, v128.load(alpha + at)), above))
    }
  }
}

// target += scale · Σ x · dy where x isn't above 0, over the repetitions of alpha.
export function preluWeightGradient(x: usize, period: i32, dy: usize, target: usize, scale: f32, count: i32): void {
  const zero = f32x4.splat(0), factor = f32x4.splat(scale), bytes = <usize>period << 2
  const length = <usize>count << 2
  for (let at: usize = 0; at < bytes; at += 16) {
    let sum = zero
    for (let i = at; i < length; i += bytes) {
      sum = f32x4.add(sum, f32x4.mul(f32x4.min(v128.load(x + i), zero), v128.load(dy + i)))
    }
    v128.store(target + at, f32x4.add(v128.load(target + at), f32x4.mul(sum, factor)))
  }
}
