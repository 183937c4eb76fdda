// Sums of quantized products. All pointers are 16-byte aligned; counts are numbers of weights, rounded up to 8 by the
// caller, who keeps the rest zero.

// Largest magnitude of the deltas that `accumulate` added last; not a number if one of them wasn't.
export let peak: f32 = 0

// Adds samples × delta, rounded to the quantum: adding `magic` leaves the integer in the low bits. Takes the very same
// integers away again where `negative`.
export function accumulate(sums: usize, deltas: usize, count: i32, samples: f64, magic: f64, negative: bool): void {
  if (negative) run(sums, deltas, count, samples, magic, true)
  else run(sums, deltas, count, samples, magic, false)
}

// @ts-ignore: decorator
@inline
function run(sums: usize, deltas: usize, count: i32, samples: f64, magic: f64, negative: bool): void {
  const factor = f64x2.splat(samples)
  const constant = f64x2.splat(magic)
  const magnitude = i32x4.splat(0x7fffffff)
  // Without their signs, floats are in the order of their bits, and what isn't a number comes last.
  let most = i32x4.splat(0)
  for (let end = deltas + (<usize>count << 2); deltas < end; deltas += 32, sums += 64) {
    const left = v128.load(deltas)
    const right = v128.load(deltas, 16)
    most = i32x4.max_s(most, i32x4.max_s(v128.and(left, magnitude), v128.and(right, magnitude)))
    add(sums, left, factor, constant, negative)
    add(sums + 16, v128.load64_zero(deltas, 8), factor, constant, negative)
    add(sums + 32, right, factor, constant, negative)
    add(sums + 48, v128.load64_zero(deltas, 24), factor, constant, negative)
  }
  peak = max<f32>(
    max<f32>(lane(i32x4.extract_lane(most, 0)), lane(i32x4.extract_lane(most, 1))),
    max<f32>(lane(i32x4.extract_lane(most, 2)), lane(i32x4.extract_lane(most, 3))),
  )
}

// Adds the integers of the two lower deltas, or takes them away.
// @ts-ignore: decorator
@inline
function add(sums: usize, deltas: v128, factor: v128, constant: v128, negative: bool): void {
  const bits = f64x2.add(f64x2.mul(f64x2.promote_low_f32x4(deltas), factor), constant)
  const integers = i64x2.sub(bits, constant)
  if (negative) v128.store(sums, i64x2.sub(v128.load(sums), integers))
  else v128.store(sums, i64x2.add(v128.load(sums), integers))
}

// @ts-ignore: decorator
@inline
function lane(bits: i32): f32 {
  return reinterpret<f32>(bits)
}

// Adds another sum's integers.
export function merge(sums: usize, others: usize, count: i32): void {
  for (let end = others + ((<usize>count) << 3); others < end; others += 16, sums += 16) {
    v128.store(sums, i64x2.add(v128.load(sums), v128.load(others)))
  }
}

// Writes sum × quantum / samples as float32.
export function means(sums: usize, out: usize, count: i32, quantum: f64, samples: f64): void {
  for (let end = out + ((<usize>count) << 2); out < end; out += 4, sums += 8) {
    store<f32>(out, <f32>((<f64>load<i64>(sums) * quantum) / samples))
  }
}
