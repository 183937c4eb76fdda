// Moves each example's values from one offset to another. Offsets are in bytes from the example's beginning.
export function movePlaces(
  source: usize, sourceBytes: usize, sourcePlaces: usize, target: usize, targetBytes: usize, targetPlaces: usize, count: i32, examples: i32,
): void {
  const end = <usize>count << 2
  for (let example = 0; example < examples; example++, source += sourceBytes, target += targetBytes) {
    for (let i: usize = 0; i < end; i += 4) {
      store<f32>(target + <usize>load<u32>(targetPlaces + i), load<f32>(source + <usize>load<u32>(sourcePlaces + i)))
    }
  }
}

// As `movePlaces`, but adds the values to those at the targets.
export function addPlaces(
  source: usize, sourceBytes: usize, sourcePlaces: usize, target: usize, targetBytes: usize, targetPlaces: usize, count: i32, examples: i32,
): void {
  const end = <usize>count << 2
  for (let example = 0; example < examples; example++, source += sourceBytes, target += targetBytes) {
    for (let i: usize = 0; i < end; i += 4) {
      const place = target + <usize>load<u32>(targetPlaces + i)
      store<f32>(place, load<f32>(place) + load<f32>(source + <usize>load<u32>(sourcePlaces + i)))
    }
  }
}
