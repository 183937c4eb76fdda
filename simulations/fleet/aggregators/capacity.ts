import { badOption } from '../../loaded-workload.ts'

/** The capacity of an aggregator of a fleet. A part that is left out has no limit, takes no time, and never fails. */
export interface AggregatorCapacity {
  /** Updates that the aggregator takes in a second, partial sums of aggregators below included. */
  readonly updates?: number | undefined
  /** Bytes that it receives in a second. */
  readonly receive?: number | undefined
  /** Bytes that it sends in a second. */
  readonly send?: number | undefined
  /** Bytes of received updates that may wait. Further updates wait at their senders. */
  readonly memory?: number | undefined
  /** Milliseconds that each of its messages to another aggregator takes besides the bytes. */
  readonly latencyMs?: number | undefined
  readonly failures?: AggregatorFailures | undefined
}

/** Failures of an aggregator: the times between them, and until it is back, are exponential. */
export interface AggregatorFailures {
  /** Mean number of failures in an hour of work. */
  readonly perHour: number
  /** Mean seconds until the aggregator is back. */
  readonly seconds: number
}

/** The capacity of all aggregators of a fleet, and of those of single roles where it differs. */
export interface AggregatorCapacities extends AggregatorCapacity {
  readonly roles?: Readonly<Record<string, AggregatorCapacity>> | undefined
}

/** The capacity of the aggregators of a role. */
export function capacityOf({ roles, ...all }: AggregatorCapacities, role: string): AggregatorCapacity {
  return { ...all, ...roles?.[role] }
}

/**
 * Checks capacities that a program in JavaScript, or a number that it read, may give otherwise than the types say. `known`:
 * the roles of the fleet's aggregators.
 *
 * @throws SIMULATION_OPTION
 */
export function requireCapacities({ roles = {}, ...all }: AggregatorCapacities, known: readonly string[]): void {
  requireCapacity('aggregators', all)
  for (const [role, capacity] of Object.entries(roles)) {
    if (!known.includes(role))
      throw badOption('aggregators.roles', role, `one of the aggregators' roles: ${known.join(', ')}`)
    requireCapacity(`aggregators.roles.${role}`, capacity)
  }
}

function requireCapacity(
  name: string,
  { updates, receive, send, memory, latencyMs, failures }: AggregatorCapacity,
): void {
  for (const [part, value] of Object.entries({ updates, receive, send, memory }))
    if (value !== undefined && !(value > 0)) throw badOption(`${name}.${part}`, value, 'a number above 0')
  if (latencyMs !== undefined && !(latencyMs >= 0 && latencyMs < Number.POSITIVE_INFINITY))
    throw badOption(`${name}.latencyMs`, latencyMs, 'a number of milliseconds from 0 on')
  if (!failures) return
  for (const part of ['perHour', 'seconds'] as const)
    if (!(failures[part] > 0 && failures[part] < Number.POSITIVE_INFINITY))
      throw badOption(`${name}.failures.${part}`, failures[part], 'a number above 0')
}
