import type { Availability, DataOrder, DeviceNumbers, WorkFaults } from '../behaviour.ts'
import { labelOrder } from './correlation.ts'
import { constant, instant, logNormal, tiers } from './device-numbers.ts'
import { diurnal } from './diurnal.ts'
import { type AvailabilityChange, always, churn, skew } from './lives.ts'
import type { BehaviourModel } from './model.ts'
import { onOff } from './on-off.ts'
import { tracedAvailability, tracedNumbers } from './traced.ts'
import { dropout, jitter, lostLink } from './work-faults.ts'

/** A part of a fleet's behaviour, and the models that a text may name for it. */
export interface BehaviourPart<Made> {
  /** What the part says, after its name and "says". */
  readonly help: string
  /** The first one is meant by settings without a name. */
  readonly models: readonly BehaviourModel<Made>[]
  /** A text as an example. */
  readonly example: string
}

const numbers: readonly BehaviourModel<DeviceNumbers>[] = [constant, logNormal, tiers, tracedNumbers, instant]

/** All models by the parts of a behaviour. Parsing, messages and docs/behaviour.md come from this table. */
export const behaviourParts = {
  availability: {
    help: 'when devices take work',
    models: [always, diurnal, onOff, tracedAvailability],
    example: 'diurnal:0.4,0.1',
  } satisfies BehaviourPart<Availability>,
  speed: { help: 'how many examples a device trains on in a second', models: numbers, example: 'lognormal:20,0.8' },
  download: { help: 'how many bytes a device receives in a second', models: numbers, example: 'lognormal:2e6,1' },
  upload: { help: 'how many bytes a device sends in a second', models: numbers, example: 'tiers:0.7:5e5,0.3:5e6' },
  dropout: {
    help: 'whether devices give up works',
    models: [dropout],
    example: '0.1',
  } satisfies BehaviourPart<WorkFaults>,
  link: {
    help: 'whether links are lost for a time',
    models: [lostLink],
    example: '0.05,60',
  } satisfies BehaviourPart<WorkFaults>,
  delay: { help: 'how late each work is', models: [jitter], example: '200,1' } satisfies BehaviourPart<WorkFaults>,
  churn: {
    help: 'when devices come for the first time, and go for good',
    models: [churn],
    example: '7,30',
  } satisfies BehaviourPart<AvailabilityChange>,
  skew: {
    help: "how wrong devices' clocks are",
    models: [skew],
    example: '30',
  } satisfies BehaviourPart<AvailabilityChange>,
  correlate: {
    help: 'which data goes with which devices',
    models: [
      labelOrder('speed', 'slow devices have the data of clients whose commonest label is low'),
      labelOrder('download', 'devices that receive slowly have the data of clients whose commonest label is low'),
      labelOrder('upload', 'devices that send slowly have the data of clients whose commonest label is low'),
      labelOrder('zone', 'devices in the west have the data of clients whose commonest label is low; needs diurnal'),
    ],
    example: 'speed:label,0.8',
  } satisfies BehaviourPart<(rank: (device: number) => number) => DataOrder>,
} as const satisfies Readonly<Record<string, BehaviourPart<unknown>>>

export type BehaviourPartName = keyof typeof behaviourParts

export const behaviourPartNames = [
  ...['availability', 'speed', 'download', 'upload', 'dropout'],
  ...['link', 'delay', 'churn', 'skew', 'correlate'],
] as const satisfies readonly BehaviourPartName[]
