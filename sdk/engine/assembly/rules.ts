// Regularizers and constraints of weights.

// target += l1 · sign(w) + 2 · l2 · w. Counts are multiples of 4.
export function addPenaltyGradient(w: usize, l1: f32, l2: f32, target: usize, count: i32): void {
  const zero = f32x4.splat(0), step = f32x4.splat(l1), slope = f32x4.splat(2 * l2)
  for (let end = w + (<usize>count << 2); w < end; w += 16, target += 16) {
    const value = v128.load(w)
    const above = v128.and(step, f32x4.gt(value, zero)), below = v128.and(step, f32x4.lt(value, zero))
    const gradient = f32x4.add(f32x4.sub(above, below), f32x4.mul(slope, value))
    v128.store(target, f32x4.add(v128.load(target), gradient))
  }
}

// l1 · Σ|w| + l2 · Σw², in float64, from front to back.
export function penalty(w: usize, l1: f64, l2: f64, count: i32): f64 {
  let size: f64 = 0, squares: f64 = 0
  for (let end = w + (<usize>count << 2); w < end; w += 4) {
    const value = <f64>load<f32>(w)
    size += abs(value)
    squares += value * value
  }
  return l1 * size + l2 * squares
}

// Moves norms towards least … most: w = w · wanted / (norm + 10⁻⁷), wanted = rate · the norm within the range + (1 − rate) ·
// norm. w is a row-major array of `outer` × `length` × `inner` values; the norms are over `length`.
export function limitNorms(w: usize, outer: i32, length: i32, inner: i32, least: f64, most: f64, rate: f64): void {
  const step = <usize>inner << 2
  for (let i = 0; i < outer; i++, w += <usize>length * step) {
    for (let k: usize = 0; k < step; k += 4) {
      let squares: f64 = 0
      let p = w + k
      for (let j = 0; j < length; j++, p += step) {
        const value = <f64>load<f32>(p)
        squares += value * value
      }
      const norm = Math.sqrt(squares)
      const factor = <f32>((rate * min<f64>(max<f64>(norm, least), most) + (1 - rate) * norm) / (norm + 1e-7))
      p = w + k
      for (let j = 0; j < length; j++, p += step) store<f32>(p, load<f32>(p) * factor)
    }
  }
}
