import { choicesOf } from '../../sdk/index.ts'
import {
  aggregatorsFrom,
  behaviourFrom,
  type DeviceTrace,
  type FleetRun,
  type SimulateOptions,
  simulate,
  traceOf,
} from '../../simulations/index.ts'
import { mostTextBytes, readText } from '../files/file-text.ts'
import type { FleetOptions } from './simulate-options.ts'

/** Begins to simulate a fleet. FILE_UNREADABLE, FILE_LARGE, and the errors of traces, behaviours and `simulate`. */
export async function beginFleet(
  { workload, devices, overrides, choices, hours, behaviour: texts, aggregators: limits, trace: file }: FleetOptions,
  more: Omit<SimulateOptions, 'devices' | 'settings' | 'algorithms' | 'behaviour' | 'aggregators' | 'hours'> & {
    readonly seed: number
  },
): Promise<FleetRun> {
  const trace = file === undefined ? undefined : await readTrace(file)
  const behaviour = behaviourFrom(texts, { seed: more.seed, ...(trace && { trace }) })
  const aggregators = aggregatorsFrom(limits)
  return simulate(workload, {
    ...{ devices, behaviour, settings: overrides, algorithms: choicesOf(choices) },
    ...(aggregators && { aggregators }),
    ...(hours !== undefined && { hours }),
    ...more,
  })
}

/** Reads a trace. FILE_UNREADABLE, FILE_LARGE, TRACE_*. */
async function readTrace(file: string): Promise<DeviceTrace> {
  return traceOf(await readText(file, mostTextBytes), file)
}
