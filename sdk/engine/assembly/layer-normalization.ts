// Normalization of each row over its channels. Sums are in float64. Rows are `pitch` bytes apart, with zeros behind the
// channels, and so are gamma and beta.

// @ts-ignore: decorator
@inline
function upper(values: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(values, values, 2, 3, 2, 3))
}

// @ts-ignore: decorator
@inline
function laneSum(sums: v128): f64 {
  return f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1)
}

// @ts-ignore: decorator
@inline
function addTo(sums: usize, values: v128): void {
  v128.store(sums, f64x2.add(v128.load(sums), f64x2.promote_low_f32x4(values)))
  v128.store(sums, f64x2.add(v128.load(sums, 16), upper(values)), 16)
}

// y = (x − mean) · root · gamma + beta, where mean and root = 1 / √(variance + epsilon) of each row go to `statistics`.
export function normalizeRows(
  x: usize, pitch: usize, rows: i32, columns: i32, epsilon: f32, gamma: usize, beta: usize, y: usize, statistics: usize,
): void {
  const whole = (<usize>columns & ~3) << 2, bytes = <usize>columns << 2
  for (let row = 0; row < rows; row++, x += pitch, y += pitch, statistics += 8) {
    let sums = f64x2.splat(0)
    for (let at: usize = 0; at < pitch; at += 16) {
      const values = v128.load(x + at)
      sums = f64x2.add(f64x2.add(sums, f64x2.promote_low_f32x4(values)), upper(values))
    }
    const mean = <f32>(laneSum(sums) / <f64>columns)
    const centre = f32x4.splat(mean)
    sums = f64x2.splat(0)
    for (let at: usize = 0; at < whole; at += 16) {
      const off = f32x4.sub(v128.load(x + at), centre)
      const squares = f32x4.mul(off, off)
      sums = f64x2.add(f64x2.add(sums, f64x2.promote_low_f32x4(squares)), upper(squares))
    }
    let total = laneSum(sums)
    for (let at = whole; at < bytes; at += 4) {
      const off = load<f32>(x + at) - mean
      total += <f64>(off * off)
    }
    const root: f32 = <f32>1 / Mathf.sqrt(<f32>(total / <f64>columns) + epsilon)
    const factor = f32x4.splat(root)
    for (let at: usize = 0; at < pitch; at += 16) {
      const off = f32x4.mul(f32x4.sub(v128.load(x + at), centre), factor)
      v128.store(y + at, f32x4.add(f32x4.mul(off, v128.load(gamma + at)), v128.load(beta + at)))
    }
    store<f32>(statistics, mean)
    store<f32>(statistics, root, 4)
  }
}

// sums += Σ dy over the rows, and behind it Σ dy · (x − mean) · root, both in float64. Unless dx is 0: dx = root · (gamma · dy
// − a − (x − mean) · root · b), where a and b are the row's means of gamma · dy and of gamma · dy · (x − mean) · root.
export function normalizeRowsGradient(
  x: usize, dy: usize, pitch: usize, rows: i32, columns: i32, statistics: usize, gamma: usize, sums: usize, dx: usize,
): void {
  const products = sums + (pitch << 1), bytes = <usize>columns << 2
  for (let row = 0; row < rows; row++, x += pitch, dy += pitch, statistics += 8) {
    const centre = v128.load32_splat(statistics), root = v128.load32_splat(statistics, 4)
    let direct = f64x2.splat(0), along = f64x2.splat(0)
    for (let at: usize = 0; at < pitch; at += 16) {
      const gradient = v128.load(dy + at)
      const off = f32x4.mul(f32x4.sub(v128.load(x + at), centre), root)
      addTo(sums + (at << 1), gradient)
      addTo(products + (at << 1), f32x4.mul(gradient, off))
      const scaled = f32x4.mul(gradient, v128.load(gamma + at))
      direct = f64x2.add(f64x2.add(direct, f64x2.promote_low_f32x4(scaled)), upper(scaled))
      const turned = f32x4.mul(scaled, off)
      along = f64x2.add(f64x2.add(along, f64x2.promote_low_f32x4(turned)), upper(turned))
    }
    if (dx == 0) continue
    const a = f32x4.splat(<f32>(laneSum(direct) / <f64>columns)), b = f32x4.splat(<f32>(laneSum(along) / <f64>columns))
    for (let at: usize = 0; at < pitch; at += 16) {
      const off = f32x4.mul(f32x4.sub(v128.load(x + at), centre), root)
      const rest = f32x4.sub(f32x4.mul(v128.load(dy + at), v128.load(gamma + at)), a)
      v128.store(dx + at, f32x4.mul(root, f32x4.sub(rest, f32x4.mul(off, b))))
    }
    if (bytes < pitch) memory.fill(dx + bytes, 0, pitch - bytes)
    dx += pitch
  }
}
