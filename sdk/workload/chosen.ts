import { knownNames } from '../../runtime/index.ts'
import { workloadError } from './errors.ts'

/**
 * The choice that a setting's value names, such as one of several topologies.
 *
 * @throws WORKLOAD_VALUE, listing the choices, for any other value.
 */
export function chosen<Choice>(setting: string, value: string, choices: Readonly<Record<string, Choice>>): Choice {
  const choice = Object.hasOwn(choices, value) ? choices[value] : undefined
  if (choice !== undefined) return choice
  const names = Object.keys(choices)
  throw workloadError('WORKLOAD_VALUE', {
    name: setting,
    expected: `one of ${knownNames(value, names)}`,
    value,
    default: names[0],
  })
}
