import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { lmdbStore } from '../../../../runtime/durable/lmdb/index.ts'
import { actorSystem, isActorRef, nodeLink } from '../../../../runtime/index.ts'
import { endWithParent } from '../../../../runtime/node/index.ts'
import { decodeSiteMessage, taskSite } from '../../../../sdk/index.ts'
import { importWorkload, poolFor } from '../../../../sdk/node/index.ts'
import { decodeRegisterAnswer, type FlameletMessage, type RegisterAnswer } from '../../../flamelets/index.ts'
import type { LocalSiteSetup } from './local-sites.ts'
import { dialOf } from './local-transport.ts'

/**
 * The program of a process of a run: hosts tasks of the job of its parent, which has started it. Signals of a terminal
 * reach the parent, too, which ends this process in order.
 */
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})

const lines = createInterface({ input: process.stdin })
lines.once('line', (line) => {
  const setup: LocalSiteSetup = JSON.parse(line)
  Promise.all([endWithParent(Number(process.argv[2])), host(setup)]).catch((cause: unknown) => {
    console.error(cause instanceof Error ? cause.message : cause)
    process.exit(1)
  })
})
lines.once('close', () => process.exit())

async function host(setup: LocalSiteSetup): Promise<void> {
  const { name, incarnation, token, at, parent, folder, workers, check, paths } = setup
  const bundle = new URL(setup.bundle)
  const [store, workload] = await Promise.all([lmdbStore(folder), importWorkload(bundle)])
  const loaded = { workload, module: new URL(setup.module), bundle }
  const system = actorSystem({ name, incarnation })
  const site = system.spawn(
    'site',
    taskSite({
      store,
      checkDeterminism: check,
      workloadOf: async () => ({
        workload,
        poolOf: (plan) => poolFor({ ...loaded, ...plan, workers }),
        ...(paths && { paths }),
      }),
    }),
    { decode: decodeSiteMessage },
  )
  const answers = system.spawn<RegisterAnswer>('answers', () => () => {}, { decode: decodeRegisterAnswer })
  const link = nodeLink(system, {
    onPeer({ entry }) {
      if (!isActorRef<FlameletMessage>(entry)) return
      const { platform: systemName, arch, version } = process
      const platform = { runtime: `node ${version.slice(1)}`, system: systemName, arch, cores: availableParallelism() }
      const registration = { name, datasets: [], mostTasks: Number.MAX_SAFE_INTEGER, platform, hosted: [] }
      entry.tell({ type: 'register', registration, site, replyTo: answers })
    },
  })
  link.connect({
    dial: await dialOf(at, name, parent),
    token,
    node: parent,
    rights: { mayStop: false },
    onChange(state, cause) {
      if (state !== 'refused' && state !== 'ended') return
      console.error(`${state}: ${cause?.message ?? 'no cause'}`)
      process.exit(1)
    },
  })
}
