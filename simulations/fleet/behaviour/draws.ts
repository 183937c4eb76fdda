import { log, randomStream } from '../../../sdk/index.ts'

/** A number in (0, 1) of a device and a count: an odd multiple of 2⁻³³, the same at each call. */
export type DeviceDraws = (device: number, count: number) => number

/**
 * Draws that are hashed from (seed, label, device, count), where streams would have to be kept for each device. Draws of
 * different labels, devices or counts are independent.
 *
 * @see Wellons, Prospecting for hash functions, 2018: `mixed` is one of the best functions of two rounds that were found.
 */
export function deviceDraws(seed: number, ...labels: readonly string[]): DeviceDraws {
  const keys = deviceKeys(seed, ...labels)
  return (device, count) => ((mixed(mixed(device ^ keys.device) ^ wordOf(keys, count)) >>> 0) + 0.5) * 2 ** -32
}

/** Words with which devices and counts are mixed. */
export interface DeviceKeys {
  readonly device: number
  readonly count: number
}

/** The same draws in steps, for several draws of one device: the device mixed with its word, then with a count's word. */
export function deviceKeys(seed: number, ...labels: readonly string[]): DeviceKeys {
  const keys = randomStream(seed, 'behaviour', ...labels)
  return { device: keys.uint32() | 0, count: keys.uint32() | 0 }
}

/** The word of a count. It is mixed by itself, so that no device's draws are those of another device from another count on. */
export function wordOf({ count: word }: DeviceKeys, count: number): number {
  return mixed(Math.imul(count, 0x9e3779b1) ^ word)
}

export function mixed(word: number): number {
  let hash = word
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad)
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97)
  return hash ^ (hash >>> 15)
}

/** The number below which an exponential draw of mean 1 lies with probability `p`. */
export function exponentialQuantile(p: number): number {
  return -log(1 - p)
}

export const secondMs = 1_000
export const hourMs = 3_600_000
export const dayMs = 86_400_000
