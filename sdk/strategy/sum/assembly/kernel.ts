// Sums of quantized products. All pointers are 16-byte aligned; counts are numbers of weights, rounded up to 4 by the
// caller, who keeps the rest zero.

// Exponent and sign of each lane: they differ from the magic constant's where a value is out of range or not finite.
const RANGE: i64 = 0xfff0000000000000

// What `accumulate` found: `damage` is not 0 if a value was out of range or not finite, `peak` the largest magnitude.
export let damage: i64 = 0
export let peak: f64 = 0

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
  let odd = i64x2.splat(0)
  let most = f64x2.splat(0)
  for (let end = deltas + (<usize>count << 2); deltas < end; deltas += 16, sums += 32) {
    const low = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(deltas)), factor)
    const high = f64x2.mul(f64x2.promote_low_f32x4(v128.load64_zero(deltas, 8)), factor)
    const lowBits = f64x2.add(low, constant)
    const highBits = f64x2.add(high, constant)
    odd = v128.or(odd, v128.or(v128.xor(lowBits, constant), v128.xor(highBits, constant)))
    most = f64x2.pmax(most, f64x2.pmax(f64x2.abs(low), f64x2.abs(high)))
    const lowInteger = i64x2.sub(lowBits, constant)
    const highInteger = i64x2.sub(highBits, constant)
    if (negative) {
      v128.store(sums, i64x2.sub(v128.load(sums), lowInteger))
      v128.store(sums, i64x2.sub(v128.load(sums, 16), highInteger), 16)
    } else {
      v128.store(sums, i64x2.add(v128.load(sums), lowInteger))
      v128.store(sums, i64x2.add(v128.load(sums, 16), highInteger), 16)
    }
  }
  damage = (i64x2.extract_lane(odd, 0) | i64x2.extract_lane(odd, 1)) & RANGE
  peak = max<f64>(f64x2.extract_lane(most, 0), f64x2.extract_lane(most, 1))
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
