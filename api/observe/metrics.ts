import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { JobEvent } from '../../actors/index.ts'
import { endedNames } from '../../actors/model/index.ts'
import type { ActorSystem } from '../../runtime/index.ts'

export interface Metrics {
  readonly contentType: string
  /** A request that has begun. */
  begin(): void
  /** One that is answered with a stream. */
  beginStream(): void
  end(request: EndedRequest): void
  /** A request that was refused before its route was looked for. */
  turnedAway(status: number): void
  /** A request that was refused, with the code of its problem. */
  refused(code: string): void
  /** Counts an event of a job. */
  recorded(job: string, event: JobEvent): void
  /** All of it, in the format of Prometheus. */
  text(): Promise<string>
}

export interface EndedRequest {
  /** Id of the operation, or a fixed name for other requests: never a text of the caller. */
  readonly operation: string
  readonly status: number
  readonly seconds: number
  readonly isStream: boolean
}

/**
 * Figures of one server, and of the process that it runs in.
 *
 * @param behind By the address of each registry: number of models that it doesn't have yet.
 */
export function serverMetrics(
  system: Pick<ActorSystem, 'size' | 'deadLetters' | 'events'>,
  behind: () => Promise<ReadonlyMap<string, number>> = async () => new Map(),
): Metrics {
  const registers = [new Registry()]
  const requests = new Counter({
    name: 'flame_http_requests_total',
    help: 'Requests that were answered',
    labelNames: ['operation', 'status'],
    registers,
  })
  const refusals = new Counter({
    name: 'flame_http_refusals_total',
    help: 'Requests that were refused, by the code of the problem',
    labelNames: ['code'],
    registers,
  })
  const seconds = new Histogram({
    name: 'flame_http_request_seconds',
    help: 'From the first byte of a request to the last of its answer',
    labelNames: ['operation'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  const inFlight = new Gauge({ name: 'flame_http_requests_in_flight', help: 'Requests not answered yet', registers })
  const streams = new Gauge({ name: 'flame_http_streams', help: 'Streams of events now open', registers })
  const actors = new Gauge({ name: 'flame_actors', help: 'Actors now living', registers })
  const behindModels = new Gauge({
    name: 'flame_registry_behind_models',
    help: 'Models of jobs that a registry does not have yet, by its address',
    labelNames: ['registry'],
    registers,
  })
  const deadLetters = new Counter({
    name: 'flame_actor_dead_letters_total',
    help: 'Messages that were not delivered',
    registers,
  })
  const faults = new Counter({
    name: 'flame_actor_faults_total',
    help: 'Faults of actors, by what their supervision did',
    labelNames: ['outcome'],
    registers,
  })
  const jobStates = new Counter({
    name: 'flame_job_states_total',
    help: 'States that jobs entered on this server',
    labelNames: ['state'],
    registers,
  })
  const jobRounds = new Counter({
    name: 'flame_job_rounds_total',
    help: 'Rounds that jobs committed on this server; of a round with several models, the first counts',
    registers,
  })
  const jobModels = new Counter({
    name: 'flame_job_models_total',
    help: 'Models that jobs committed on this server: one a round, or one for each part of a round',
    registers,
  })
  /** The last counted round of each job whose rounds have several models, until the job has ended. */
  const countedRounds = new Map<string, number>()
  // The labels of a request are few: to look one up costs less than to check and join its labels.
  const counted = remembered((key) => {
    const [operation = '', status = ''] = key.split(' ')
    return requests.labels(operation, status)
  })
  const timed = remembered((operation) => seconds.labels(operation))
  system.events.subscribe((event) => {
    const isFault = event.type === 'stopped' ? event.cause !== undefined : faultOutcomes.includes(event.type)
    if (isFault) faults.inc({ outcome: event.type })
  })

  return {
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    begin: () => inFlight.inc(),
    beginStream() {
      inFlight.dec()
      streams.inc()
    },
    end({ operation, status, seconds: elapsed, isStream }) {
      counted(`${operation} ${status}`).inc()
      if (isStream) return streams.dec()
      inFlight.dec()
      timed(operation).observe(elapsed)
    },
    turnedAway: (status) => counted(`none ${status}`).inc(),
    refused: (code) => refusals.inc({ code }),
    recorded(job, event) {
      if (event.type === 'state') {
        jobStates.inc({ state: event.state })
        if (endedNames.includes(event.state)) countedRounds.delete(job)
      }
      if (event.type !== 'round') return
      jobModels.inc()
      if (event.part !== undefined) {
        if (event.round <= (countedRounds.get(job) ?? 0)) return
        countedRounds.set(job, event.round)
      }
      jobRounds.inc()
    },
    async text() {
      actors.set(system.size)
      for (const [registry, models] of await behind()) behindModels.set({ registry }, models)
      deadLetters.reset()
      deadLetters.inc(system.deadLetters.count)
      const parts = await Promise.all([...registers, processRegistry()].map((registry) => registry.metrics()))
      return parts.join('\n')
    },
  }
}

/** Makes a value for each key once. */
function remembered<Value>(make: (key: string) => Value): (key: string) => Value {
  const made = new Map<string, Value>()
  return (key) => {
    const present = made.get(key) ?? make(key)
    made.set(key, present)
    return present
  }
}

const faultOutcomes: readonly string[] = ['restarted', 'resumed', 'escalated']

let ofProcess: Registry | undefined

/** Made once, since prom-client's observers of the process have no end. */
function processRegistry(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry()
    collectDefaultMetrics({ register: ofProcess })
  }
  return ofProcess
}
