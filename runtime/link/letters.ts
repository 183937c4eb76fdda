/** A message in transit, which becomes a dead letter if its node ends. */
export interface Letter {
  readonly to: { readonly path: string }
  readonly message: unknown
}

/** Messages in transit. Two lists, since an object for each message would be work for the garbage collector. */
export class Letters {
  readonly #to: Letter['to'][] = []
  readonly #messages: unknown[] = []

  add(to: Letter['to'], message: unknown): void {
    this.#to.push(to)
    this.#messages.push(message)
  }

  *[Symbol.iterator](): Iterator<Letter> {
    for (const [index, to] of this.#to.entries()) yield { to, message: this.#messages[index] }
  }
}
