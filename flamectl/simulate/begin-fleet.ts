import { CodedError, fileReason } from '../../runtime/errors/index.ts'
import { choicesOf } from '../../sdk/index.ts'
import {
  behaviourFrom,
  type DeviceTrace,
  type FleetRun,
  type SimulateOptions,
  simulate,
  traceOf,
} from '../../simulations/index.ts'
import { flamectlError } from '../errors.ts'
import { textOf } from '../files/bounded-text.ts'
import type { FleetOptions } from './simulate-options.ts'

/** A trace's text is held whole, as one string. */
const mostTraceBytes = 500_000_000

/** Begins to simulate a fleet. FILE_UNREADABLE, FILE_LARGE, and the errors of traces, behaviours and `simulate`. */
export async function beginFleet(
  { workload, devices, overrides, choices, hours, behaviour: texts, trace: file }: FleetOptions,
  more: Omit<SimulateOptions, 'devices' | 'settings' | 'algorithms' | 'behaviour' | 'hours'> & {
    readonly seed: number
  },
): Promise<FleetRun> {
  const trace = file === undefined ? undefined : await readTrace(file)
  const behaviour = behaviourFrom(texts, { seed: more.seed, ...(trace && { trace }) })
  return simulate(workload, {
    ...{ devices, behaviour, settings: overrides, algorithms: choicesOf(choices) },
    ...(hours !== undefined && { hours }),
    ...more,
  })
}

/** Reads a trace. FILE_UNREADABLE, FILE_LARGE, TRACE_*. */
async function readTrace(file: string): Promise<DeviceTrace> {
  const text = await textOf(file, mostTraceBytes).catch((cause: unknown) => {
    if (cause instanceof CodedError) throw cause
    throw flamectlError('FILE_UNREADABLE', { file, reason: fileReason(cause) }, { cause })
  })
  return traceOf(text, file)
}
