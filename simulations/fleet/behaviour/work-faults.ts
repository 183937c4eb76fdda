import { exp, normalQuantile } from '../../../sdk/index.ts'
import type { WorkFaults } from '../behaviour.ts'
import { deviceDraws, exponentialQuantile, secondMs } from './draws.ts'
import { defineModel } from './model.ts'

/**
 * Devices that give up in the middle of a work, at a part of it that is uniform: the user takes the phone, memory runs out.
 *
 * @see Bonawitz et al., MLSys 2019, section 9: between 6 % and 10 % of devices drop out.
 */
export const dropout = defineModel({
  name: 'dropout',
  summary: 'a device gives up a work with a probability, at a uniform part of the work',
  source: 'Bonawitz et al., MLSys 2019, section 9: 6 % to 10 %',
  settings: { probability: { kind: 'number', least: 0, most: 1, help: 'probability for each work' } },
  make: ({ probability }, { seed, part }): WorkFaults => {
    const draw = deviceDraws(seed, part)
    return {
      dropsOutAt: (device, work) => (draw(device, 2 * work) < probability ? draw(device, 2 * work + 1) : undefined),
    }
  },
})

/**
 * Links that are lost during a work. Sessions survive the loss of a route, so the answer is late by the time without a
 * route, which is exponential, and isn't lost.
 */
export const lostLink = defineModel({
  name: 'link',
  summary: 'the link is lost during a work with a probability; the answer is late by an exponential time',
  settings: {
    probability: { kind: 'number', least: 0, most: 1, help: 'probability for each work' },
    seconds: { kind: 'number', above: 0, default: 60, help: 'mean seconds until the link is back' },
  },
  make: ({ probability, seconds }, { seed, part }): WorkFaults => {
    const draw = deviceDraws(seed, part)
    return {
      delay: (device, work) =>
        draw(device, 2 * work) < probability
          ? Math.round(exponentialQuantile(draw(device, 2 * work + 1)) * seconds * secondMs)
          : 0,
    }
  },
})

/** Delay of the network, drawn for each work: median · exp(σ z), z standard normal. */
export const jitter = defineModel({
  name: 'jitter',
  summary: 'each work is late by a log-normal time',
  settings: {
    milliseconds: { kind: 'number', above: 0, help: 'median milliseconds' },
    sigma: { kind: 'number', least: 0, most: 10, default: 1, help: 'σ of the logarithm' },
  },
  make: ({ milliseconds, sigma }, { seed, part }): WorkFaults => {
    const draw = deviceDraws(seed, part)
    return { delay: (device, work) => Math.round(milliseconds * exp(sigma * normalQuantile(draw(device, work)))) }
  },
})

/** Faults that befall a work together: the earliest dropout, the sum of the delays. */
export function allFaults(faults: readonly WorkFaults[]): WorkFaults {
  const dropouts = faults.flatMap(({ dropsOutAt }) => dropsOutAt ?? [])
  const delays = faults.flatMap(({ delay }) => delay ?? [])
  return {
    ...(dropouts.length > 0 && {
      dropsOutAt(device, work) {
        const parts = dropouts.flatMap((dropsOutAt) => dropsOutAt(device, work) ?? [])
        return parts.length === 0 ? undefined : Math.min(...parts)
      },
    }),
    ...(delays.length > 0 && {
      delay: (device, work) => delays.reduce((sum, delay) => sum + delay(device, work), 0),
    }),
  }
}
