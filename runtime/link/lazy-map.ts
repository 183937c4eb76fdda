/** A map that takes memory only once something was set: a thousand idle sessions have several each. */
export class LazyMap<Key, Value> {
  #map: Map<Key, Value> | undefined

  get size(): number {
    return this.#map?.size ?? 0
  }

  get(key: Key): Value | undefined {
    return this.#map?.get(key)
  }

  has(key: Key): boolean {
    return this.#map?.has(key) ?? false
  }

  set(key: Key, value: Value): void {
    this.#map ??= new Map()
    this.#map.set(key, value)
  }

  delete(key: Key): void {
    this.#map?.delete(key)
  }

  clear(): void {
    this.#map = undefined
  }

  /** The key that was set first. */
  first(): Key | undefined {
    return this.#map?.keys().next().value
  }

  /** All values at this time. */
  values(): readonly Value[] {
    return this.#map ? [...this.#map.values()] : []
  }
}
