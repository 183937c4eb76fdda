// Normalization of rows of channels. Statistics belong to one channel or to a group of channels. Sums are in float64,
// in the order of the rows. Columns are a multiple of 4, and include the padding, whose gamma and beta are 0.

// @ts-ignore: decorator
@inline
function addTo(sums: usize, values: v128): void {
  v128.store(sums, f64x2.add(v128.load(sums), f64x2.promote_low_f32x4(values)))
  const upper = v128.shuffle<f32>(values, values, 2, 3, 2, 3)
  v128.store(sums, f64x2.add(v128.load(sums, 16), f64x2.promote_low_f32x4(upper)), 16)
}

// sums = Σ of the rows' values.
export function columnSums(x: usize, pitch: usize, rows: i32, columns: i32, sums: usize): void {
  memory.fill(sums, 0, <usize>columns << 3)
  for (let row = 0; row < rows; row++, x += pitch) {
    for (let c = 0; c < columns; c += 4) addTo(sums + (<usize>c << 3), v128.load(x + (<usize>c << 2)))
  }
}

// sums = Σ (x − mean)².
export function columnSquares(x: usize, mean: usize, pitch: usize, rows: i32, columns: i32, sums: usize): void {
  memory.fill(sums, 0, <usize>columns << 3)
  for (let row = 0; row < rows; row++, x += pitch) {
    for (let c = 0; c < columns; c += 4) {
      const off = f32x4.sub(v128.load(x + (<usize>c << 2)), v128.load(mean + (<usize>c << 2)))
      addTo(sums + (<usize>c << 3), f32x4.mul(off, off))
    }
  }
}

// For each channel the mean of its group, over `rows` rows. A group has channels / groups neighbouring channels. With
// `weights`, one for each channel, the mean of the weighted values.
export function groupMeans(sums: usize, weights: usize, channels: i32, groups: i32, rows: i32, out: usize): void {
  const size = channels / groups
  for (let group = 0; group < groups; group++) {
    let sum: f64 = 0
    for (let i = 0; i < size; i++) {
      const c = <usize>(group * size + i)
      sum += load<f64>(sums + (c << 3)) * (weights == 0 ? 1 : <f64>load<f32>(weights + (c << 2)))
    }
    const mean = <f32>(sum / (<f64>rows * <f64>size))
    for (let i = 0; i < size; i++) store<f32>(out + (<usize>(group * size + i) << 2), mean)
  }
}

// out = 1 / √(variance + epsilon).
export function reciprocalRoots(variance: usize, epsilon: f32, out: usize, count: i32): void {
  const one = f32x4.splat(1), more = f32x4.splat(epsilon)
  for (let end = variance + (<usize>count << 2); variance < end; variance += 16, out += 16) {
    v128.store(out, f32x4.div(one, f32x4.sqrt(f32x4.add(v128.load(variance), more))))
  }
}

// moving −= (moving − value) · rate.
export function moveTowards(moving: usize, value: usize, rate: f32, count: i32): void {
  const share = f32x4.splat(rate)
  for (let end = moving + (<usize>count << 2); moving < end; moving += 16, value += 16) {
    const old = v128.load(moving)
    v128.store(moving, f32x4.sub(old, f32x4.mul(f32x4.sub(old, v128.load(value)), share)))
  }
}

// y = (x − mean) · root · gamma + beta.
export function normalize(
  x: usize, pitch: usize, rows: i32, columns: i32, mean: usize, root: usize, gamma: usize, beta: usize, y: usize,
): void {
  const bytes = <usize>columns << 2
  for (let row = 0; row < rows; row++, x += pitch, y += pitch) {
    for (let c: usize = 0; c < bytes; c += 16) {
      const factor = f32x4.mul(v128.load(root + c), v128.load(gamma + c))
      const off = f32x4.sub(v128.load(x + c), v128.load(mean + c))
      v128.store(y + c, f32x4.add(f32x4.mul(off, factor), v128.load(beta + c)))
    }
  }
}

// sums = Σ dy, followed by Σ dy · (x − mean) · root.
export function normalizeSums(
  x: usize, dy: usize, pitch: usize, rows: i32, columns: i32, mean: usize, root: usize, sums: usize,
): void {
  const products = sums + (<usize>columns << 3)
  memory.fill(sums, 0, <usize>columns << 4)
  for (let row = 0; row < rows; row++, x += pitch, dy += pitch) {
    for (let c = 0; c < columns; c += 4) {
      const at = <usize>c << 2
      const off = f32x4.mul(f32x4.sub(v128.load(x + at), v128.load(mean + at)), v128.load(root + at))
      const gradient = v128.load(dy + at)
      addTo(sums + (at << 1), gradient)
      addTo(products + (at << 1), f32x4.mul(gradient, off))
    }
  }
}

// dx = root · (gamma · dy − a − (x − mean) · root · b), where a and b are the groups' means of gamma · Σ dy and of
// gamma · Σ dy · (x − mean) · root.
export function normalizeGradient(
  x: usize, dy: usize, pitch: usize, rows: i32, columns: i32, mean: usize, root: usize, gamma: usize, a: usize, b: usize, dx: usize,
): void {
  const bytes = <usize>columns << 2
  for (let row = 0; row < rows; row++, x += pitch, dy += pitch, dx += pitch) {
    for (let c: usize = 0; c < bytes; c += 16) {
      const r = v128.load(root + c)
      const off = f32x4.mul(f32x4.sub(v128.load(x + c), v128.load(mean + c)), r)
      const direct = f32x4.sub(f32x4.mul(v128.load(gamma + c), v128.load(dy + c)), v128.load(a + c))
      v128.store(dx + c, f32x4.mul(r, f32x4.sub(direct, f32x4.mul(off, v128.load(b + c)))))
    }
  }
}

// total += sums, in float64.
export function addSums(sums: usize, total: usize, count: i32): void {
  for (let end = total + (<usize>count << 3); total < end; total += 16, sums += 16) {
    v128.store(total, f64x2.add(v128.load(total), v128.load(sums)))
  }
}

// target += scale · sums.
export function addScaledSums(sums: usize, scale: f32, target: usize, count: i32): void {
  for (let end = target + (<usize>count << 2); target < end; target += 4, sums += 8) {
    store<f32>(target, load<f32>(target) + scale * <f32>load<f64>(sums))
  }
}
