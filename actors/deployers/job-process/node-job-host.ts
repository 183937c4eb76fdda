import { Socket } from 'node:net'
import { type ActorRef, actorSystem, type Behavior, packError } from '../../../runtime/index.ts'
import { endWithParent } from '../../../runtime/node/index.ts'
import { boundedSpool, keepingRounds } from '../../../sdk/index.ts'
import { fileRegistry, importWorkload } from '../../../sdk/node/index.ts'
import type { DeploymentMessage, DeploymentReport } from '../deployer.ts'
import { inProcessDeployer } from '../in-process/in-process-deployer.ts'
import { calls, jobStore } from './job-store.ts'
import { messagePipe } from './message-pipe.ts'
import type { FromProcess, HostedJob, ToProcess } from './protocol.ts'

/**
 * The program of a job's process. It hosts the job's roles, whose state the server keeps, and ends with the roles or
 * with the server.
 */
const server = calls()
const system = actorSystem({ name: 'job', onFault: ended })
let deployment: ActorRef<DeploymentMessage> | undefined
/** Messages that came before the deployment was there. */
const waiting: DeploymentMessage[] = []

/** The pipe that `startJobProcess` opens. */
const toServer = new Socket({ fd: 3 })
toServer.on('close', () => process.exit(1))
const pipe = messagePipe<ToProcess>(toServer, {
  heard(message) {
    switch (message.type) {
      case 'host':
        return void endWithParent(Number(process.argv[2])).then(
          () => system.spawn('job', hosting(message), { supervise: { type: 'escalate' } }),
          ended,
        )
      case 'deployment':
        return deployment ? deployment.tell(message.message) : void waiting.push(message.message)
      case 'answer':
        return server.answered(message.call, message)
    }
  },
  broken: () => process.exit(1),
})

function hosting({
  job,
  module,
  bundle,
  models,
  keep,
  mostModels,
  workers,
}: HostedJob): Behavior<DeploymentReport | { type: 'stopped'; cause?: unknown }> {
  return (context) => {
    const files =
      mostModels === undefined
        ? fileRegistry(models)
        : boundedSpool(fileRegistry(models), { mostModels, clock: context.clock })
    const isNeeded = async ({ round, part }: { readonly round: number; readonly part?: string }) =>
      (await server.ask((call) => send({ type: 'is-needed', call, round, ...(part !== undefined && { part }) }))) ===
      true
    const deployer = inProcessDeployer({
      store: jobStore((store) => server.ask((call) => send({ type: 'store', call, store }))),
      registry: keep ? keepingRounds(files, keep, { isNeeded }) : files,
      source: {
        async load() {
          const at = new URL(bundle)
          return { workload: await importWorkload(at), module: new URL(module), bundle: at }
        },
      },
      async baseWeights(_base, layout) {
        const weights = await server.ask((call) => send({ type: 'base-weights', call, layout }))
        if (weights instanceof Float32Array) return weights
        throw new TypeError('the server answered without weights')
      },
      workers,
    })
    deployment = context.spawn('deployment', deployer.deployment(job, context.self), { supervise: { type: 'stop' } })
    context.watch(deployment, ({ cause }) => ({ type: 'stopped', cause }))
    for (const message of waiting) deployment.tell(message)
    return (message) => {
      switch (message.type) {
        case 'event': {
          const { event, recorded } = message
          if (!recorded) return send({ type: 'event', event })
          return void server.ask((call) => send({ type: 'event', event, call })).then(() => recorded.tell(null))
        }
        case 'store-statuses':
          return void server.ask((call) => send({ type: 'store-statuses', call })).then(() => message.stored.tell(null))
        case 'deployment-failed':
          return send({ type: 'deployment-failed', cause: packError(message.cause) })
        case 'stopped':
          return ended(message.cause)
        default:
          return send(message)
      }
    }
  }
}

function ended(cause: unknown): void {
  const message: FromProcess = { type: 'ended', ...(cause === undefined ? {} : { cause: packError(cause) }) }
  pipe.send(message, () => process.exit())
}

function send(message: FromProcess): void {
  pipe.send(message)
}
