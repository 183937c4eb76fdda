import fc from 'fast-check'

/** Results of generated inputs of a decoder. */
export interface Checked {
  readonly cases: number
  readonly accepted: number
  readonly refused: number
  readonly fault?: Fault
}

/** An input that a decoder neither takes nor refuses; `seed` and `path` repeat it. */
export interface Fault {
  readonly seed: number
  readonly path: string
  readonly found: string
}

export interface CheckOptions {
  readonly seed: number
  /** Path of a fault, with which fast-check repeats the fault. */
  readonly path?: string
  readonly cases: number
  readonly milliseconds?: number
  /** Called when the next case begins. */
  readonly begins?: () => void
}

/** A decoder of outside input, with a generator of inputs. */
export interface Decoder {
  readonly name: string
  check(options: CheckOptions): Promise<Checked>
}

/** Most bytes by which the memory of the process may grow. Inputs have at most 64 KiB. */
const mostGrowth = 512 * 1024 * 1024

/** Makes a decoder that accepts an input, or refuses the input by an error with one of these codes. */
export function decoder<Input>(
  name: string,
  inputs: fc.Arbitrary<Input>,
  decode: (input: Input) => unknown,
  codes: RegExp,
): Decoder {
  return {
    name,
    async check({ seed, path, cases, milliseconds, begins }) {
      const counts = { accepted: 0, refused: 0 }
      const before = process.memoryUsage.rss()
      const property = fc.asyncProperty(inputs, async (input) => {
        begins?.()
        counts[await outcome(decode, input, codes)] += 1
        const growth = process.memoryUsage.rss() - before
        if (growth > mostGrowth) throw new Error(`the process has grown by ${growth} bytes`)
      })
      const details = await fc.check(property, {
        seed,
        numRuns: cases,
        ...(path === undefined ? {} : { path }),
        ...(milliseconds === undefined ? {} : { interruptAfterTimeLimit: milliseconds, markInterruptAsFailure: false }),
      })
      const { accepted, refused } = counts
      const checked = { cases: details.numRuns, accepted, refused }
      if (!details.failed) return checked
      const cause = details.errorInstance
      const why = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
      const found = `${fc.stringify(details.counterexample).slice(0, 2000)}\n${why}`
      return { ...checked, fault: { seed: details.seed, path: details.counterexamplePath ?? '', found } }
    },
  }
}

async function outcome<Input>(
  decode: (input: Input) => unknown,
  input: Input,
  codes: RegExp,
): Promise<'accepted' | 'refused'> {
  try {
    const value = await decode(input)
    assertOwnPrototypes(value)
    return 'accepted'
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && codes.test(String(cause.code))) return 'refused'
    throw cause
  } finally {
    assertUnpolluted()
  }
}

const shared = [Object, Array, Function, String, Number, Boolean, RegExp, Error, Map, Set, Promise, Uint8Array].map(
  ({ prototype }): { readonly prototype: object; readonly names: ReadonlySet<PropertyKey> } => ({
    prototype,
    names: new Set(Reflect.ownKeys(prototype)),
  }),
)

/** Throws if an input has added a field to all objects (prototype pollution), and removes the field. */
function assertUnpolluted(): void {
  for (const { prototype, names } of shared)
    for (const name of Reflect.ownKeys(prototype)) {
      if (names.has(name)) continue
      Reflect.deleteProperty(prototype, name)
      throw new Error(`a prototype got the field ${String(name)}`)
    }
}

/** Throws if an object inherits from data of the input, as from `{ "__proto__": … }`. */
function assertOwnPrototypes(value: unknown, levels = 200): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || levels === 0) return
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && !Object.hasOwn(Object(prototype), 'constructor'))
    throw new Error('an object inherits from what came as data')
  for (const part of Object.values(value)) assertOwnPrototypes(part, levels - 1)
}
