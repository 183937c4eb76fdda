// Layers that join values of several tensors, and their gradients. Counts are multiples of 4.

// out = a · b.
export function multiply(a: usize, b: usize, out: usize, count: i32): void {
  for (let end = a + (<usize>count << 2); a < end; a += 16, b += 16, out += 16) {
    v128.store(out, f32x4.mul(v128.load(a), v128.load(b)))
  }
}

// out = the larger value, or NaN if a value is NaN.
export function larger(a: usize, b: usize, out: usize, count: i32): void {
  for (let end = a + (<usize>count << 2); a < end; a += 16, b += 16, out += 16) {
    v128.store(out, f32x4.max(v128.load(a), v128.load(b)))
  }
}

// out = the smaller value, or NaN if a value is NaN.
export function smaller(a: usize, b: usize, out: usize, count: i32): void {
  for (let end = a + (<usize>count << 2); a < end; a += 16, b += 16, out += 16) {
    v128.store(out, f32x4.min(v128.load(a), v128.load(b)))
  }
}

// out = source where a ≥ b, else 0.
export function whereAtLeast(a: usize, b: usize, source: usize, out: usize, count: i32): void {
  for (let end = a + (<usize>count << 2); a < end; a += 16, b += 16, source += 16, out += 16) {
    v128.store(out, v128.and(v128.load(source), f32x4.ge(v128.load(a), v128.load(b))))
  }
}

// out = source where a > b, else 0.
export function whereAbove(a: usize, b: usize, source: usize, out: usize, count: i32): void {
  for (let end = a + (<usize>count << 2); a < end; a += 16, b += 16, source += 16, out += 16) {
    v128.store(out, v128.and(v128.load(source), f32x4.gt(v128.load(a), v128.load(b))))
  }
}
