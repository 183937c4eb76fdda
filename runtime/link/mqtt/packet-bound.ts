/**
 * Watches the bytes that an MQTT client sends, and tells when a packet is longer than its bound. Reads the fixed header
 * of each packet alone: its type, and the length of the rest in one to four digits of seven bits.
 */
export class PacketBound {
  readonly #mostFirstBytes: number
  readonly #mostBytes: number
  #isFirst = true
  /** Bytes of the present packet that have not come yet. */
  #left = 0
  #length = 0
  /** Digits of the length that have come; −1 before the packet's type. */
  #digits = -1

  /** The first packet asks for the connection, and comes from a stranger. */
  constructor(mostFirstBytes: number, mostBytes: number) {
    this.#mostFirstBytes = mostFirstBytes
    this.#mostBytes = mostBytes
  }

  /** Whether all packets that begin in these bytes keep their bounds. */
  keeps(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length; ) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, bytes.length - at)
        this.#left -= step
        at += step
      } else if (this.#digits < 0) {
        this.#digits = 0
        this.#length = 0
        at += 1
      } else {
        const digit = bytes[at] ?? 0
        at += 1
        this.#length += (digit & 127) * 128 ** this.#digits
        this.#digits += 1
        if (this.#length > (this.#isFirst ? this.#mostFirstBytes : this.#mostBytes)) return false
        if ((digit & 128) === 0) this.#begin()
        else if (this.#digits === 4) return false
      }
    }
    return true
  }

  #begin(): void {
    this.#isFirst = false
    this.#left = this.#length
    this.#digits = -1
  }
}
