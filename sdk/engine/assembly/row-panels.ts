// Rows of values, `pitch` bytes apart, to and from panels of 8 columns (see product.ts), for products of two outputs of
// layers.

// @ts-ignore: decorator
@inline
const PANEL_ROW: usize = 32

export function packRows(source: usize, pitch: usize, rows: i32, panels: i32, target: usize, panelBytes: usize): void {
  for (let panel = 0; panel < panels; panel++, source += PANEL_ROW, target += panelBytes) {
    let s = source
    for (let t = target, end = target + <usize>rows * PANEL_ROW; t < end; t += PANEL_ROW, s += pitch) {
      v128.store(t, v128.load(s))
      v128.store(t, v128.load(s, 16), 16)
    }
  }
}

export function unpackRows(source: usize, panelBytes: usize, rows: i32, panels: i32, target: usize, pitch: usize): void {
  for (let panel = 0; panel < panels; panel++, source += panelBytes, target += PANEL_ROW) {
    let t = target
    for (let s = source, end = source + <usize>rows * PANEL_ROW; s < end; s += PANEL_ROW, t += pitch) {
      v128.store(t, v128.load(s))
      v128.store(t, v128.load(s, 16), 16)
    }
  }
}
