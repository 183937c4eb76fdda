import type { Products } from '../../learn/learner.ts'
import { allowRelaxedSimd, compiledJoined, joinsLanes } from './node-v8-flags.ts'
import { plainBase64 } from './plain-bytes.ts'

/**
 * Modules of one source (assembly/products). `emulated` has the bits of `fused`, by instructions that all platforms have.
 * The wide ones have the bits of `plain` and `fused`, in tiles for engines that join vectors of 4 lanes in one of 8.
 */
export type ProductModule = 'plain' | 'fused' | 'emulated' | 'widePlain' | 'wideFused'

/** Loaded where they are used. */
const bytesOf = {
  widePlain: async () => (await import('./wide-plain-bytes.ts')).widePlainBase64,
  wideFused: async () => (await import('./wide-fused-bytes.ts')).wideFusedBase64,
  fused: async () => (await import('./fused-bytes.ts')).fusedBase64,
  emulated: async () => (await import('./emulated-bytes.ts')).emulatedBase64,
}

let plain: WebAssembly.Module | undefined
const loaded = new Map<ProductModule, Promise<WebAssembly.Module>>()
let isFusing: boolean | undefined

/** The module of plain products. Compiles it once in each thread. */
export function plainProducts(): WebAssembly.Module {
  plain ??= compiled(plainBase64)
  return plain
}

/** A module by its name. Loads and compiles it once in each thread. */
export function productModule(name: ProductModule): Promise<WebAssembly.Module> {
  const module = loaded.get(name) ?? load(name)
  loaded.set(name, module)
  return module
}

async function load(name: ProductModule): Promise<WebAssembly.Module> {
  if (name === 'plain') return plainProducts()
  const base64 = await bytesOf[name]()
  return name.startsWith('wide') && joinsLanes() ? compiledJoined(bytesIn(base64)) : compiled(base64)
}

/** The module that computes plain or fused products on this platform. */
export function moduleOf(products: Products = 'plain'): Promise<WebAssembly.Module> {
  if (!platformFuses()) return productModule(products === 'plain' ? 'plain' : 'emulated')
  // Processors that fuse have vectors of 8 lanes.
  if (joinsLanes()) return productModule(products === 'plain' ? 'widePlain' : 'wideFused')
  return productModule(products)
}

/** Loads the module of fused products for this platform, and says whether the module emulates them. */
export async function fusedProducts(): Promise<{ readonly isEmulated: boolean }> {
  await moduleOf('fused')
  return { isEmulated: !platformFuses() }
}

/**
 * Whether the platform's relaxed multiply-add rounds once. The instruction may be valid and round twice all the same: on
 * processors without the instruction, and in JavaScriptCore.
 */
export function platformFuses(): boolean {
  isFusing ??= fuses()
  return isFusing
}

/** (function (x, c) { return x · x + c is 2⁻²⁴ in all lanes }), by f32x4.relaxed_madd. */
const probe = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  // (f32, f32) → i32, of one function with the name f
  ...[0x01, 0x07, 0x01, 0x60, 0x02, 0x7d, 0x7d, 0x01, 0x7f],
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00],
  ...[0x0a, 0x1f, 0x01, 0x1d, 0x00],
  // splat x, splat x, splat c, relaxed_madd
  ...[0x20, 0x00, 0xfd, 0x13, 0x20, 0x00, 0xfd, 0x13, 0x20, 0x01, 0xfd, 0x13, 0xfd, 0x85, 0x02],
  // splat 2⁻²⁴, f32x4.eq, i32x4.all_true
  ...[0x43, 0x00, 0x00, 0x80, 0x33, 0xfd, 0x13, 0xfd, 0x41, 0xfd, 0xa3, 0x01, 0x0b],
)

function fuses(): boolean {
  if (!WebAssembly.validate(probe)) allowRelaxedSimd()
  if (!WebAssembly.validate(probe)) return false
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(probe)).exports
  // (1 + 2⁻¹²)² − (1 + 2⁻¹¹) is 2⁻²⁴. A product that is rounded by itself loses it.
  return typeof f === 'function' && f(1 + 2 ** -12, -(1 + 2 ** -11)) === 1
}

/** Compiles a module of base64 text. */
export function compiled(base64: string): WebAssembly.Module {
  return new WebAssembly.Module(bytesIn(base64))
}

function bytesIn(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}
