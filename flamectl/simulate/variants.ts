import { basename, resolve } from 'node:path'
import { Command, CommanderError } from 'commander'
import { flamectlError } from '../errors.ts'
import { addFleetOptions, type FleetOptions, fleetOptions, type RawFleetOptions } from './simulate-options.ts'

/** A fleet among those that are compared. */
export interface Variant extends FleetOptions {
  readonly name: string
}

/**
 * The variants of a comparison: each text for each workload, or each workload alone without texts. A text is a name and, after
 * `=`, what the variant has besides the common options: options of `simulate`, or settings as `--set` takes them.
 *
 * @throws OPTION_VALUE, RUN_SETTING_SYNTAX.
 */
export function variantsOf(
  workloads: readonly string[],
  common: RawFleetOptions,
  texts: readonly string[],
): readonly Variant[] {
  const variants = workloads.flatMap((workload): readonly Variant[] => {
    const own = basename(resolve(workload))
    if (texts.length === 0) return [{ name: own, ...fleetOptions(workload, common) }]
    return texts.map((text) => {
      const { name, raw } = variantOf(text)
      const set = [...(common.set ?? []), ...(raw.set ?? [])]
      // Rounds of a variant's own settings take the place of the common ones.
      const { rounds, ...rest } = { ...common, ...raw }
      const isSet = raw.rounds === undefined && (raw.set ?? []).some((list) => /(^|,)\s*rounds\s*=/.test(list))
      const merged = { ...rest, set, ...(rounds !== undefined && !isSet && { rounds }) }
      return { name: workloads.length === 1 ? name : `${own}/${name}`, ...fleetOptions(workload, merged) }
    })
  })
  const names = variants.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw unfit('names that differ', `${JSON.stringify(twice)} twice`)
  return variants
}

/** Reads `name`, `name=optimizer=fedbuff,bufferSize=100`, or `name=--speed lognormal:5,1 --set optimizer=fedbuff`. OPTION_VALUE */
function variantOf(text: string): { readonly name: string; readonly raw: RawFleetOptions } {
  const [, name, rest = ''] = /^([^\s=-][^\s=]*)(?:=([^]*))?$/.exec(text.trim()) ?? []
  if (name === undefined)
    throw unfit("a name, and after = the variant's own options, such as fast='--speed 100'", JSON.stringify(text))
  const given = rest.trim()
  if (given === '') return { name, raw: {} }
  if (!given.startsWith('-')) return { name, raw: { set: [given] } }
  const command = addFleetOptions(new Command(name))
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  try {
    const { args } = command.parse(wordsOf(given), { from: 'user' })
    const [stray] = args
    if (stray !== undefined) throw unfit('options alone after the name', JSON.stringify(stray))
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause
    throw unfit('options of flamectl simulate that say what is simulated', `${JSON.stringify(text)}: ${cause.message}`)
  }
  return { name, raw: command.opts<RawFleetOptions>() }
}

/** Words of a text, in which quotes keep blanks. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'),
  )
}

function unfit(expected: string, given: string): Error {
  return flamectlError('OPTION_VALUE', { option: '--variant', expected, given })
}
