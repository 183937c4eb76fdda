import { exp, normalQuantile } from '../../../sdk/index.ts'
import type { DeviceNumbers } from '../behaviour.ts'
import { deviceDraws } from './draws.ts'
import { defineModel, settingError } from './model.ts'

/** Work or messages that take no time. */
export const instant = defineModel({
  name: 'instant',
  summary: 'takes no time',
  settings: {},
  make: (_, { seed, part }): DeviceNumbers => {
    const draw = deviceDraws(seed, part)
    return { of: () => Number.POSITIVE_INFINITY, rank: (device) => draw(device, 0) }
  },
})

export const constant = defineModel({
  name: 'constant',
  summary: 'the same for all devices',
  settings: { value: { kind: 'number', above: 0, help: 'number of each device' } },
  make: ({ value }, { seed, part }): DeviceNumbers => {
    const draw = deviceDraws(seed, part)
    return { of: () => value, rank: (device) => draw(device, 0) }
  },
})

/**
 * Numbers whose logarithm is normal: median · exp(σ z), z standard normal.
 *
 * @see Huba et al., Papaya, MLSys 2022: devices' times differ by a factor of a hundred and more, with a long tail.
 */
export const logNormal = defineModel({
  name: 'lognormal',
  summary: 'log-normal: median · exp(σ z), z standard normal',
  source: 'Huba et al., Papaya, MLSys 2022, on the long tail of speeds',
  settings: {
    median: { kind: 'number', above: 0, help: 'half of the devices are below' },
    sigma: {
      kind: 'number',
      least: 0,
      most: 10,
      help: 'σ: 0.5 spans a factor of 7 between 2.5 % and 97.5 %, 1 a factor of 50',
    },
  },
  make: ({ median, sigma }, { seed, part }): DeviceNumbers => {
    const draw = deviceDraws(seed, part)
    return {
      of: (device) => median * exp(sigma * normalQuantile(draw(device, 0))),
      rank: (device) => draw(device, 0),
    }
  },
})

/** Classes of devices, such as old, middling and new phones. */
export const tiers = defineModel({
  name: 'tiers',
  summary: 'classes of devices, each with a share and a number',
  settings: {
    list: { kind: 'text', help: 'share:number of each class, such as 0.3:1,0.5:4,0.2:20; the shares sum to 1' },
  },
  make: ({ list }, { seed, part }): DeviceNumbers => {
    const classes = classesOf(list)
    const draw = deviceDraws(seed, part)
    const slowest = classes.toSorted((one, other) => one.value - other.value)
    return {
      of(device) {
        let place = draw(device, 0)
        for (const { share, value } of slowest) {
          if (place < share) return value
          place -= share
        }
        return slowest.at(-1)?.value ?? 0
      },
      rank: (device) => draw(device, 0),
    }
  },
})

function classesOf(list: string) {
  const classes = list.split(',').map((text) => {
    const [share = '', value = '', ...rest] = text.split(':').map((part) => part.trim())
    const isClass = share !== '' && value !== '' && rest.length === 0 && Number(share) > 0 && Number(value) > 0
    if (!isClass || !Number.isFinite(Number(value)))
      throw settingError('tiers', 'list', `'${text.trim()}'`, 'share:number, both above 0, such as 0.3:1')
    return { share: Number(share), value: Number(value) }
  })
  const sum = classes.reduce((total, { share }) => total + share, 0)
  if (Math.abs(sum - 1) > 1e-9)
    throw settingError('tiers', 'list', `shares with the sum ${sum}`, 'shares with the sum 1')
  return classes
}
