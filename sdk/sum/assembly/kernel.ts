// Sums of quantized products. All pointers are 16-byte aligned. Counts are numbers of weights, rounded up to 8 by the
// caller, who fills the surplus with zeros.

// Adds weight × delta for each of one, two or four blocks of deltas, `stride` bytes apart. Each product is rounded to
// the quantum: adding `magic` leaves the integer in the low bits. The sum is read and written once. `weights` points to
// one double for each block. `peaks` points to one float for each block, which receives the largest magnitude of the
// block's deltas, or NaN if a delta is NaN.
export function accumulate(
  sums: usize,
  deltas: usize,
  stride: usize,
  blocks: i32,
  count: i32,
  weights: usize,
  peaks: usize,
  magic: f64,
): void {
  if (blocks == 4) run(4, sums, deltas, stride, count, weights, peaks, magic, false)
  else if (blocks == 2) run(2, sums, deltas, stride, count, weights, peaks, magic, false)
  else run(1, sums, deltas, stride, count, weights, peaks, magic, false)
}

// Subtracts the same integers of one block.
export function takeAway(sums: usize, deltas: usize, count: i32, weights: usize, peaks: usize, magic: f64): void {
  run(1, sums, deltas, 0, count, weights, peaks, magic, true)
}

// @ts-ignore: decorator
@inline
function run(
  blocks: i32,
  sums: usize,
  deltas: usize,
  stride: usize,
  count: i32,
  weights: usize,
  peaks: usize,
  magic: f64,
  negative: bool,
): void {
  const constant = f64x2.splat(magic)
  // The bits of `magic` in the sum of the blocks' integers, once for each block.
  const surplus = i64x2.splat(reinterpret<i64>(magic) * <i64>blocks)
  const first = v128.load64_splat(weights)
  const second = v128.load64_splat(weights, 8)
  const third = v128.load64_splat(weights, 16)
  const fourth = v128.load64_splat(weights, 24)
  // Without signs, the bits of floats order them as integers, with NaN last.
  let most0 = i32x4.splat(0)
  let most1 = i32x4.splat(0)
  let most2 = i32x4.splat(0)
  let most3 = i32x4.splat(0)
  for (let end = deltas + (<usize>count << 2); deltas < end; deltas += 32, sums += 64) {
    const left = v128.load(deltas)
    const right = v128.load(deltas, 16)
    let a = bitsOf(left, first, constant)
    let b = bits(deltas + 8, first, constant)
    let c = bitsOf(right, first, constant)
    let d = bits(deltas + 24, first, constant)
    most0 = larger(most0, left, right)
    if (blocks > 1) {
      const place = deltas + stride
      a = i64x2.add(a, bits(place, second, constant))
      b = i64x2.add(b, bits(place + 8, second, constant))
      c = i64x2.add(c, bits(place + 16, second, constant))
      d = i64x2.add(d, bits(place + 24, second, constant))
      most1 = larger(most1, v128.load(place), v128.load(place, 16))
    }
    if (blocks > 2) {
      const place = deltas + 2 * stride
      a = i64x2.add(a, bits(place, third, constant))
      b = i64x2.add(b, bits(place + 8, third, constant))
      c = i64x2.add(c, bits(place + 16, third, constant))
      d = i64x2.add(d, bits(place + 24, third, constant))
      most2 = larger(most2, v128.load(place), v128.load(place, 16))
      const last = deltas + 3 * stride
      a = i64x2.add(a, bits(last, fourth, constant))
      b = i64x2.add(b, bits(last + 8, fourth, constant))
      c = i64x2.add(c, bits(last + 16, fourth, constant))
      d = i64x2.add(d, bits(last + 24, fourth, constant))
      most3 = larger(most3, v128.load(last), v128.load(last, 16))
    }
    add(sums, i64x2.sub(a, surplus), negative)
    add(sums + 16, i64x2.sub(b, surplus), negative)
    add(sums + 32, i64x2.sub(c, surplus), negative)
    add(sums + 48, i64x2.sub(d, surplus), negative)
  }
  store<f32>(peaks, largest(most0))
  if (blocks > 1) store<f32>(peaks + 4, largest(most1))
  if (blocks > 2) {
    store<f32>(peaks + 8, largest(most2))
    store<f32>(peaks + 12, largest(most3))
  }
}

// The products of two deltas, plus the constant, as bits.
// @ts-ignore: decorator
@inline
function bits(deltas: usize, weight: v128, constant: v128): v128 {
  return bitsOf(v128.load64_zero(deltas), weight, constant)
}

// The same of the first two lanes.
// @ts-ignore: decorator
@inline
function bitsOf(lanes: v128, weight: v128, constant: v128): v128 {
  return f64x2.add(f64x2.mul(f64x2.promote_low_f32x4(lanes), weight), constant)
}

// @ts-ignore: decorator
@inline
function add(sums: usize, integers: v128, negative: bool): void {
  if (negative) v128.store(sums, i64x2.sub(v128.load(sums), integers))
  else v128.store(sums, i64x2.add(v128.load(sums), integers))
}

// The larger magnitudes of `most` and of eight deltas, by lane.
// @ts-ignore: decorator
@inline
function larger(most: v128, left: v128, right: v128): v128 {
  const magnitude = i32x4.splat(0x7fffffff)
  return i32x4.max_s(most, i32x4.max_s(v128.and(left, magnitude), v128.and(right, magnitude)))
}

// @ts-ignore: decorator
@inline
function largest(most: v128): f32 {
  return max<f32>(
    max<f32>(lane(i32x4.extract_lane(most, 0)), lane(i32x4.extract_lane(most, 1))),
    max<f32>(lane(i32x4.extract_lane(most, 2)), lane(i32x4.extract_lane(most, 3))),
  )
}

// @ts-ignore: decorator
@inline
function lane(bits: i32): f32 {
  return reinterpret<f32>(bits)
}

// values −= base. Returns the bits of the largest magnitude of the differences: 0x7f800000 or more where one isn't
// finite. Two vectors of each are under way at a time.
export function subtract(values: usize, base: usize, count: i32): i32 {
  const magnitude = i32x4.splat(0x7fffffff)
  let most = i32x4.splat(0)
  for (let end = values + (<usize>count << 2); values < end; values += 32, base += 32) {
    const left = f32x4.sub(v128.load(values), v128.load(base))
    const right = f32x4.sub(v128.load(values, 16), v128.load(base, 16))
    v128.store(values, left)
    v128.store(values, right, 16)
    most = i32x4.max_s(most, i32x4.max_s(v128.and(left, magnitude), v128.and(right, magnitude)))
  }
  return largestBits(most)
}

// The bits of the largest magnitude of the values, with NaN as the largest.
export function peak(values: usize, count: i32): i32 {
  let most = i32x4.splat(0)
  for (let end = values + (<usize>count << 2); values < end; values += 32) {
    most = larger(most, v128.load(values), v128.load(values, 16))
  }
  return largestBits(most)
}

// @ts-ignore: decorator
@inline
function largestBits(most: v128): i32 {
  return max<i32>(
    max<i32>(i32x4.extract_lane(most, 0), i32x4.extract_lane(most, 1)),
    max<i32>(i32x4.extract_lane(most, 2), i32x4.extract_lane(most, 3)),
  )
}

// Adds another sum's integers.
export function merge(sums: usize, others: usize, count: i32): void {
  for (let end = others + ((<usize>count) << 3); others < end; others += 16, sums += 16) {
    v128.store(sums, i64x2.add(v128.load(sums), v128.load(others)))
  }
}

// Multiplies integers by factor × 2^−bits, which is at most 1, and rounds each product to the nearest integer, half-way
// up. The factor is at most 2^29, so that the products of the halves of an integer fit in 64 bits.
export function scale(integers: usize, count: i32, factor: i32, bits: i32): void {
  const half: i64 = bits == 0 ? 0 : (<i64>1) << <i64>((bits - 1) & 31)
  for (let end = integers + ((<usize>count) << 3); integers < end; integers += 8) {
    const integer = load<i64>(integers)
    const lower = (integer & 0xffffffff) * <i64>factor
    // The product is upper × 2^32 + the lower 32 bits of `lower`.
    const upper = (integer >> 32) * <i64>factor + (lower >> 32)
    const scaled =
      bits > 32
        ? (upper + half) >> <i64>(bits - 32)
        : (upper << <i64>(32 - bits)) + (((lower & 0xffffffff) + half) >> <i64>bits)
    store<i64>(integers, scaled)
  }
}

// Writes sum × quantum / weight as float32.
export function means(sums: usize, out: usize, count: i32, quantum: f64, weight: f64): void {
  for (let end = out + ((<usize>count) << 2); out < end; out += 4, sums += 8) {
    store<f32>(out, <f32>((<f64>load<i64>(sums) * quantum) / weight))
  }
}
