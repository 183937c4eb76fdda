import type { Entry, SettingEntry } from './entries.ts'

const usual: Readonly<Record<string, SettingEntry>> = {
  by: {
    values: 'round or step',
    default: 'round',
    help: 't: the rounds before this one, or the steps of this training before this one',
  },
  warmup: { values: 'a whole number from 0', default: 0, help: 'W' },
}
const over: SettingEntry = {
  values: 'a whole number from 1',
  help: 'T: rounds or steps until the least rate; by steps, all of the training by default',
}
const least: SettingEntry = { values: 'a number from 0 and up to 1', default: 0, help: 'l: the least factor' }

/** The schedules, by the name with which a learner's `schedule` begins. */
export const scheduleEntries: readonly Entry[] = [
  { name: 'constant', summary: '1', settings: usual },
  {
    name: 'step',
    summary: 'decay^⌊t/every⌋',
    settings: {
      every: { values: 'a whole number from 1', default: 1, help: 'rounds or steps between two decays' },
      decay: { values: 'a number above 0 and up to 1', default: 0.5, help: 'factor of a decay' },
      ...usual,
    },
  },
  {
    name: 'exponential',
    summary: 'decay^t',
    settings: {
      decay: { values: 'a number above 0 and up to 1', default: 0.95, help: 'factor of a round or step' },
      ...usual,
    },
  },
  {
    name: 'cosine',
    summary: 'l + (1 − l)·½·(1 + cos(π·t/T)), and l from T on',
    source: 'Loshchilov and Hutter, ICLR 2017',
    settings: { over, least, ...usual },
  },
  {
    name: 'polynomial',
    summary: 'l + (1 − l)·(1 − t/T)^power, and l from T on',
    settings: {
      over,
      least,
      power: { values: 'a number above 0 and below 100', default: 1, help: 'the exponent' },
      ...usual,
    },
  },
]
