// Passes over vectors. Counts are multiples of 4.

// dy = 0 where relu's output isn't above 0.
export function reluGradient(y: usize, dy: usize, count: i32): void {
  const zero = f32x4.splat(0)
  for (let end = y + (<usize>count << 2); y < end; y += 16, dy += 16) {
    v128.store(dy, v128.and(v128.load(dy), f32x4.gt(v128.load(y), zero)))
  }
}

// target += scale · Σ of the rows, each `columns` wide and `pitch` bytes apart.
export function sumRows(source: usize, pitch: usize, rows: i32, columns: i32, target: usize, scale: f32): void {
  const factor = f32x4.splat(scale)
  for (let column = 0; column < columns; column += 4, source += 16, target += 16) {
    let sum = f32x4.splat(0)
    let p = source
    for (let row = 0; row < rows; row++, p += pitch) sum = f32x4.add(sum, v128.load(p))
    v128.store(target, f32x4.add(v128.load(target), f32x4.mul(sum, factor)))
  }
}

// out = a + b.
export function add(a: usize, b: usize, out: usize, count: i32): void {
  for (let end = a + (<usize>count << 2); a < end; a += 16, b += 16, out += 16) {
    v128.store(out, f32x4.add(v128.load(a), v128.load(b)))
  }
}

// values −= base. Returns the bits of the largest magnitude of the differences: 0x7f800000 or more where one isn't finite.
export function subtract(values: usize, base: usize, count: i32): i32 {
  const magnitude = i32x4.splat(0x7fffffff)
  let most = i32x4.splat(0)
  for (let end = values + (<usize>count << 2); values < end; values += 16, base += 16) {
    const difference = f32x4.sub(v128.load(values), v128.load(base))
    v128.store(values, difference)
    most = i32x4.max_s(most, v128.and(difference, magnitude))
  }
  return max<i32>(
    max<i32>(i32x4.extract_lane(most, 0), i32x4.extract_lane(most, 1)),
    max<i32>(i32x4.extract_lane(most, 2), i32x4.extract_lane(most, 3)),
  )
}

// target += scale · source.
export function addScaled(source: usize, scale: f32, target: usize, count: i32): void {
  const factor = f32x4.splat(scale)
  for (let end = source + (<usize>count << 2); source < end; source += 16, target += 16) {
    v128.store(target, f32x4.add(v128.load(target), f32x4.mul(v128.load(source), factor)))
  }
}

export function fill(target: usize, value: f32, count: i32): void {
  const values = f32x4.splat(value)
  for (let end = target + (<usize>count << 2); target < end; target += 16) v128.store(target, values)
}

// Copies `rows` rows of `bytes` bytes, which are `sourcePitch` and `targetPitch` bytes apart.
export function copyRows(source: usize, sourcePitch: usize, target: usize, targetPitch: usize, rows: i32, bytes: usize): void {
  for (let row = 0; row < rows; row++, source += sourcePitch, target += targetPitch) memory.copy(target, source, bytes)
}

// target = source / divisor, `count` bytes to float32.
export function divideBytes(source: usize, divisor: f32, target: usize, count: i32): void {
  const by = f32x4.splat(divisor)
  const end = source + <usize>count
  for (; source + 4 <= end; source += 4, target += 16) {
    const words = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(source)))
    v128.store(target, f32x4.div(f32x4.convert_i32x4_s(words), by))
  }
  for (; source < end; source++, target += 4) store<f32>(target, <f32>load<u8>(source) / divisor)
}
