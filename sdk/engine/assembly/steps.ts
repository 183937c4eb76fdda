// Steps: passes over all trained weights and the arrays beside them. Counts are multiples of 8.
//
// A step leaves in the gradient's array the start of the next batch's gradient: the objective's terms at the new
// weights, slope · w + offset, or zeros without an offset (address 0).

// @ts-ignore: decorator
@inline
function beginning(w: v128, hasOffset: bool, pull: v128, offset: usize): v128 {
  return hasOffset ? f32x4.add(f32x4.mul(w, pull), v128.load(offset)) : f32x4.splat(0)
}

// gradient = slope · w + offset.
export function beginGradient(w: usize, slope: f32, offset: usize, gradient: usize, count: i32): void {
  const pull = f32x4.splat(slope)
  for (let end = w + (<usize>count << 2); w < end; w += 16, offset += 16, gradient += 16) {
    v128.store(gradient, beginning(v128.load(w), true, pull, offset))
  }
}

// w −= rate · moves; moves = keep · moves + slope · w + offset.
export function moveOn(w: usize, moves: usize, rate: f32, keep: f32, slope: f32, offset: usize, count: i32): void {
  if (offset != 0) moveOnWith(true, w, moves, rate, keep, slope, offset, count)
  else moveOnWith(false, w, moves, rate, keep, slope, offset, count)
}

// @ts-ignore: decorator
@inline
function moveOnWith(
  hasOffset: bool, w: usize, moves: usize, rate: f32, keep: f32, slope: f32, offset: usize, count: i32,
): void {
  const factor = f32x4.splat(rate), kept = f32x4.splat(keep), pull = f32x4.splat(slope)
  for (let end = w + (<usize>count << 2); w < end; w += 16, moves += 16, offset += 16) {
    const move = v128.load(moves)
    const moved = f32x4.sub(v128.load(w), f32x4.mul(move, factor))
    v128.store(w, moved)
    let next = f32x4.add(f32x4.mul(move, kept), f32x4.mul(moved, pull))
    if (hasOffset) next = f32x4.add(next, v128.load(offset))
    v128.store(moves, next)
  }
}

// g = scale · gradient + decay · w; w −= rate · g.
export function gradientStep(
  w: usize, gradient: usize, scale: f32, decay: f32, rate: f32, slope: f32, offset: usize, count: i32,
): void {
  const share = f32x4.splat(scale), shrink = f32x4.splat(decay), factor = f32x4.splat(rate), pull = f32x4.splat(slope)
  const hasOffset = offset != 0
  for (let end = w + (<usize>count << 2); w < end; w += 16, gradient += 16, offset += 16) {
    const weights = v128.load(w)
    const g = f32x4.add(f32x4.mul(v128.load(gradient), share), f32x4.mul(weights, shrink))
    const moved = f32x4.sub(weights, f32x4.mul(g, factor))
    v128.store(w, moved)
    v128.store(gradient, beginning(moved, hasOffset, pull, offset))
  }
}

// g = scale · gradient + decay · w; velocity = momentum · velocity + g; w −= rate · velocity, or with Nesterov's
// momentum w −= rate · (g + momentum · velocity).
export function momentumStep(
  w: usize, gradient: usize, velocity: usize, scale: f32, decay: f32, momentum: f32, nesterov: bool, rate: f32,
  slope: f32, offset: usize, count: i32,
): void {
  const share = f32x4.splat(scale), shrink = f32x4.splat(decay), keep = f32x4.splat(momentum)
  const factor = f32x4.splat(rate), pull = f32x4.splat(slope)
  const hasOffset = offset != 0
  for (let end = w + (<usize>count << 2); w < end; w += 16, gradient += 16, velocity += 16, offset += 16) {
    const weights = v128.load(w)
    const g = f32x4.add(f32x4.mul(v128.load(gradient), share), f32x4.mul(weights, shrink))
    const v = f32x4.add(f32x4.mul(v128.load(velocity), keep), g)
    v128.store(velocity, v)
    const move = nesterov ? f32x4.add(f32x4.mul(v, keep), g) : v
    const moved = f32x4.sub(weights, f32x4.mul(move, factor))
    v128.store(w, moved)
    v128.store(gradient, beginning(moved, hasOffset, pull, offset))
  }
}

// g = scale · gradient + decay · w; m and v are the decaying means of g and g²; w = keep · w − rate · m / (√v · spread
// + epsilon).
export function adamStep(
  w: usize, gradient: usize, m: usize, v: usize, scale: f32, decay: f32, keep: f32,
  beta1: f64, beta2: f64, rate: f32, spread: f32, epsilon: f32, slope: f32, offset: usize, count: i32,
): void {
  const share = f32x4.splat(scale), shrink = f32x4.splat(decay), kept = f32x4.splat(keep)
  const old1 = f32x4.splat(<f32>beta1), new1 = f32x4.splat(<f32>(1.0 - beta1))
  const old2 = f32x4.splat(<f32>beta2), new2 = f32x4.splat(<f32>(1.0 - beta2))
  const factor = f32x4.splat(rate), wide = f32x4.splat(spread), least = f32x4.splat(epsilon), pull = f32x4.splat(slope)
  const hasOffset = offset != 0
  for (let end = w + (<usize>count << 2); w < end; w += 16, gradient += 16, m += 16, v += 16, offset += 16) {
    const weights = v128.load(w)
    const g = f32x4.add(f32x4.mul(v128.load(gradient), share), f32x4.mul(weights, shrink))
    const mean = f32x4.add(f32x4.mul(v128.load(m), old1), f32x4.mul(g, new1))
    const square = f32x4.add(f32x4.mul(v128.load(v), old2), f32x4.mul(f32x4.mul(g, g), new2))
    v128.store(m, mean)
    v128.store(v, square)
    const root = f32x4.add(f32x4.mul(f32x4.sqrt(square), wide), least)
    const moved = f32x4.sub(f32x4.mul(weights, kept), f32x4.div(f32x4.mul(mean, factor), root))
    v128.store(w, moved)
    v128.store(gradient, beginning(moved, hasOffset, pull, offset))
  }
}

// target += scale · source; source = 0.
export function takeScaled(source: usize, scale: f32, target: usize, count: i32): void {
  const factor = f32x4.splat(scale), zero = f32x4.splat(0)
  for (let end = source + (<usize>count << 2); source < end; source += 16, target += 16) {
    v128.store(target, f32x4.add(v128.load(target), f32x4.mul(v128.load(source), factor)))
    v128.store(source, zero)
  }
}

// Σ x², in float64, in one fixed order: eight partial sums, then their sum.
export function squaredNorm(x: usize, count: i32): f64 {
  let a = f64x2.splat(0), b = f64x2.splat(0), c = f64x2.splat(0), d = f64x2.splat(0)
  for (let end = x + (<usize>count << 2); x < end; x += 32) {
    a = f64x2.add(a, squares(v128.load64_zero(x)))
    b = f64x2.add(b, squares(v128.load64_zero(x, 8)))
    c = f64x2.add(c, squares(v128.load64_zero(x, 16)))
    d = f64x2.add(d, squares(v128.load64_zero(x, 24)))
  }
  const sums = f64x2.add(f64x2.add(a, b), f64x2.add(c, d))
  return f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1)
}

// @ts-ignore: decorator
@inline
function squares(two: v128): v128 {
  const values = f64x2.promote_low_f32x4(two)
  return f64x2.mul(values, values)
}

// Clips each value to −limit … limit. NaN stays NaN.
export function clampValues(x: usize, limit: f32, count: i32): void {
  const most = f32x4.splat(limit), least = f32x4.splat(-limit)
  for (let end = x + (<usize>count << 2); x < end; x += 16) {
    v128.store(x, f32x4.max(f32x4.min(v128.load(x), most), least))
  }
}

// Keeps x where the mask isn't zero. Elsewhere x becomes `others`, or zero without others (address 0).
export function keepMasked(x: usize, mask: usize, others: usize, count: i32): void {
  const hasOthers = others != 0
  const zero = f32x4.splat(0)
  for (let end = x + (<usize>count << 2); x < end; x += 16, mask += 16, others += 16) {
    const other = hasOthers ? v128.load(others) : zero
    v128.store(x, v128.bitselect(other, v128.load(x), f32x4.eq(v128.load(mask), zero)))
  }
}
