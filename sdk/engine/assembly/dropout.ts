// A hash of two rounds, in which every result bit depends on every input bit (Wellons, hash-prospector, 2018:
// lowbias32).
// @ts-ignore: decorator
@inline
function mixed(given: v128): v128 {
  let x = v128.xor(given, i32x4.shr_u(given, 16))
  x = i32x4.mul(x, i32x4.splat(0x7feb352d))
  x = v128.xor(x, i32x4.shr_u(x, 15))
  x = i32x4.mul(x, i32x4.splat(<i32>0x846ca68b))
  return v128.xor(x, i32x4.shr_u(x, 16))
}

// out = keep · in where the hash of the value's index and the seeds is at least `threshold`; else 0. Also the gradient
// of itself.
export function dropout(source: usize, out: usize, seed: i32, layer: i32, threshold: i32, keep: f32, count: i32): void {
  const key = mixed(v128.xor(mixed(i32x4.splat(layer)), i32x4.splat(seed)))
  const limit = i32x4.splat(threshold), factor = f32x4.splat(keep), four = i32x4.splat(4)
  let place = i32x4(0, 1, 2, 3)
  for (let end = source + (<usize>count << 2); source < end; source += 16, out += 16) {
    const kept = i32x4.ge_u(mixed(v128.xor(mixed(place), key)), limit)
    v128.store(out, v128.and(f32x4.mul(v128.load(source), factor), kept))
    place = i32x4.add(place, four)
  }
}
