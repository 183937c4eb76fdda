import type { DataOrder, DeviceNumbers } from '../behaviour.ts'
import { deviceDraws } from './draws.ts'
import { defineModel } from './model.ts'

/** The number by which data goes to devices, such as the commonest label of a client's examples. */
export type LabelOf = (client: number) => number

/**
 * Defines a model of devices whose data goes with their behaviour: with strength 1 the slowest devices have the data of the clients with the
 * lowest labels, with −1 those with the highest. In between, a device's place among the clients is its rank by behaviour
 * with probability |strength|, and drawn otherwise, so that strength is the rank correlation of behaviour and label.
 *
 * @see Eichner et al., Semi-cyclic stochastic gradient descent, ICML 2019, on data that changes with the time of the day.
 */
export function labelOrder(name: string, summary: string) {
  return defineModel({
    name,
    summary,
    settings: {
      to: { kind: 'choice', choices: ['label'], default: 'label', help: 'what of the data goes with it' },
      strength: {
        kind: 'number',
        least: -1,
        most: 1,
        default: 1,
        help: 'rank correlation of behaviour and label: 0 none, −1 the other way round',
      },
    },
    make: ({ strength }, { seed, part }): ((rank: (device: number) => number) => DataOrder) => {
      const draw = deviceDraws(seed, part)
      return (rank) => (device) => {
        if (draw(device, 0) >= Math.abs(strength)) return draw(device, 1)
        return strength < 0 ? 1 - rank(device) : rank(device)
      }
    },
  })
}

/** A rank of devices whose numbers have none. */
export function rankOf({ rank }: DeviceNumbers, seed: number): (device: number) => number {
  const draw = deviceDraws(seed, 'rank')
  return rank ?? ((device) => draw(device, 0))
}

/**
 * The client whose data each device holds: a permutation of 0 … devices − 1, in which the devices by `order` have the
 * clients by label. Clients of one label are in an order of their own, drawn by the seed. Takes 4 bytes a device, and 20
 * more while it is made.
 */
export function clientsOfDevices(
  devices: number,
  order: DataOrder,
  labelOf: LabelOf,
  { seed }: { readonly seed: number },
): Uint32Array {
  const draw = deviceDraws(seed, 'clients')
  const labels = Float64Array.from({ length: devices }, (_, client) => labelOf(client))
  const levels = new Map(
    [...new Set(labels)].toSorted((one, other) => one - other).map((label, level) => [label, level]),
  )
  const clients = sortedBy(
    devices,
    (client) => ((levels.get(labels[client] ?? 0) ?? 0) + draw(client, 0)) / levels.size,
  )
  const held = new Uint32Array(devices)
  for (const [place, device] of sortedBy(devices, order).entries()) held[device] = clients[place] ?? 0
  return held
}

/**
 * The numbers from 0 to n − 1 in the order of their keys, which lie in [0, 1). Key and number share the 53 bits of one
 * number, which sort much faster than numbers by a comparison.
 */
function sortedBy(count: number, keyOf: (index: number) => number): Uint32Array {
  const room = 2 ** Math.ceil(Math.log2(Math.max(2, count)))
  const steps = 2 ** 53 / room
  const keys = Float64Array.from({ length: count }, (_, index) => Math.floor(keyOf(index) * steps) * room + index)
  keys.sort()
  return Uint32Array.from(keys, (key) => key % room)
}
