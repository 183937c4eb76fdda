// Activations over vectors, and their gradients. Counts are multiples of 4.
import { exp4, tanh4 } from './transcendental'

// y = x above 0, but at most `most`; slope · x below.
export function rectify(x: usize, y: usize, slope: f32, most: f32, count: i32): void {
  const zero = f32x4.splat(0), factor = f32x4.splat(slope), limit = f32x4.splat(most)
  for (let end = x + (<usize>count << 2); x < end; x += 16, y += 16) {
    const value = v128.load(x)
    v128.store(y, v128.bitselect(f32x4.min(value, limit), f32x4.mul(value, factor), f32x4.gt(value, zero)))
  }
}

export function rectifyGradient(x: usize, dy: usize, dx: usize, slope: f32, most: f32, count: i32): void {
  const zero = f32x4.splat(0), factor = f32x4.splat(slope), limit = f32x4.splat(most)
  for (let end = x + (<usize>count << 2); x < end; x += 16, dy += 16, dx += 16) {
    const value = v128.load(x), gradient = v128.load(dy)
    const above = v128.and(gradient, f32x4.lt(value, limit))
    v128.store(dx, v128.bitselect(above, f32x4.mul(gradient, factor), f32x4.gt(value, zero)))
  }
}

export function tanh(x: usize, y: usize, count: i32): void {
  for (let end = x + (<usize>count << 2); x < end; x += 16, y += 16) v128.store(y, tanh4(v128.load(x)))
}

// dx = dy · (1 − y²).
export function tanhGradient(y: usize, dy: usize, dx: usize, count: i32): void {
  const one = f32x4.splat(1)
  for (let end = y + (<usize>count << 2); y < end; y += 16, dy += 16, dx += 16) {
    const value = v128.load(y)
    v128.store(dx, f32x4.mul(v128.load(dy), f32x4.sub(one, f32x4.mul(value, value))))
  }
}

// y = 1 / (1 + exp(−x)).
export function sigmoid(x: usize, y: usize, count: i32): void {
  const one = f32x4.splat(1)
  for (let end = x + (<usize>count << 2); x < end; x += 16, y += 16) {
    v128.store(y, f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(v128.load(x))))))
  }
}

// dx = dy · y · (1 − y).
export function sigmoidGradient(y: usize, dy: usize, dx: usize, count: i32): void {
  const one = f32x4.splat(1)
  for (let end = y + (<usize>count << 2); y < end; y += 16, dy += 16, dx += 16) {
    const value = v128.load(y)
    v128.store(dx, f32x4.mul(v128.load(dy), f32x4.mul(value, f32x4.sub(one, value))))
  }
}

// Zeros behind the first `channels` values of each row: an activation that isn't 0 at 0 fills the padding too.
export function clearPadding(target: usize, pitch: usize, rows: i32, channels: i32): void {
  const from = <usize>channels << 2
  for (let row = 0; row < rows; row++, target += pitch) memory.fill(target + from, 0, pitch - from)
}
