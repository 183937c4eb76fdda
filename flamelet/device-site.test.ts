import test from 'ava'
import type { HostedRun } from '../actors/flamelets/index.ts'
import { type ActorRef, actorSystem, CodedError } from '../runtime/index.ts'
import type { HostMessage, SiteMessage, SiteReply } from '../sdk/index.ts'
import { type DeviceSiteMessage, deviceSite } from './device-site.ts'

/** A device's site before a site that keeps what it hears, and answers what the test says. */
function stage({ mostTasks = 3, datasets = ['d'] }: { mostTasks?: number; datasets?: readonly string[] } = {}) {
  const system = actorSystem()
  const heard: SiteMessage[] = []
  const replies: SiteReply[] = []
  const refused: string[] = []
  let hosted: readonly HostedRun[] = []
  const asker = system.spawn<SiteReply>('asker', () => (reply) => void replies.push(reply))
  const any = system.spawn<unknown>('any', () => () => {})
  const site: ActorRef<DeviceSiteMessage> = system.spawn(
    'site',
    deviceSite({
      flamelet: 'clinic',
      spawnSite: (context) => context.spawn<SiteMessage>('tasks', () => (message) => void heard.push(message)),
      datasets,
      mostTasks,
      onRefused: (_job, { code }) => void refused.push(code),
      onHosted: (runs) => {
        hosted = runs
      },
    }),
  )
  const job = {
    id: 'j',
    run: 'r',
    schema: { name: 's', roles: [], channels: [] },
    tasks: [0, 1, 2, 3].map((index) => ({
      end: `trainer-${index}`,
      role: 'trainer',
      groupAssociation: {},
      dataset: index === 3 ? 'foreign' : 'd',
      datasetUrl: `file:///${index === 3 ? 'foreign' : 'd'}.csv`,
    })),
  }
  const refs = { rendezvous: any, reports: any, models: any, replyTo: asker }
  return {
    system,
    heard,
    refused,
    hosted: () => hosted,
    async tell(message: DeviceSiteMessage): Promise<void> {
      site.tell(message)
      await system.idle()
    },
    /** Has tasks hosted. Answers with the message that reached the site, if any did. */
    async host(start: number, ...numbers: readonly number[]): Promise<HostMessage | undefined> {
      const before = heard.length
      site.tell({ type: 'host', job: { ...job, start }, ends: numbers.map((number) => `trainer-${number}`), ...refs })
      await system.idle()
      const message = heard[before]
      return message?.type === 'host' ? message : undefined
    },
    async release(ends?: readonly string[]): Promise<void> {
      site.tell({ type: 'release', run: 'r', ...(ends && { ends }), replyTo: asker })
      await system.idle()
      const last = heard.at(-1)
      if (last?.type === 'release') last.replyTo.tell({ type: 'released', run: 'r' })
      await system.idle()
    },
    lastReply: () => replies.at(-1),
  }
}

function codeIn(reply: SiteReply | undefined): string | undefined {
  return reply && 'cause' in reply && reply.cause instanceof CodedError ? reply.cause.code : undefined
}

test('tasks that the owner has not allowed, or that find no room, never reach the site', async (t) => {
  const { system, host, lastReply, tell, refused, heard } = stage()
  for (const [code, start, ends] of [
    ['FLAMELET_DATASET', 1, [0, 3]],
    ['FLAMELET_FULL', 1, [0, 1, 2, 3]],
  ] as const) {
    t.is(await host(start, ...ends), undefined)
    t.is(codeIn(lastReply()), code)
  }
  t.truthy(await host(2, 0))
  t.is(await host(1, 1), undefined)
  t.is(codeIn(lastReply()), 'FLAMELET_START_OLD')
  await tell({ type: 'close' })
  t.is(await host(2, 1), undefined)
  t.is(codeIn(lastReply()), 'FLAMELET_DRAINING')
  t.deepEqual(refused, ['FLAMELET_DATASET', 'FLAMELET_FULL', 'FLAMELET_START_OLD', 'FLAMELET_DRAINING'])
  t.is(heard.length, 1)
  await system.terminate()
})

test('the owner names datasets by their ids or their URLs, and a refusal shows both', async (t) => {
  const { system, host, lastReply } = stage({ datasets: ['file:///d.csv'] })
  t.truthy(await host(1, 0))
  t.is(await host(1, 3), undefined)
  const reply = lastReply()
  t.regex(
    reply && 'cause' in reply && reply.cause instanceof Error ? reply.cause.message : '',
    /trains on dataset foreign \(file:\/\/\/foreign.csv\), which is not on flamelet clinic: it has file:\/\/\/d.csv/,
  )
  await system.terminate()
})

test('account is kept of the hosted tasks, by what the site answers', async (t) => {
  const { system, host, hosted, release } = stage()
  const first = await host(1, 0, 1)
  t.deepEqual(hosted(), [{ job: 'j', run: 'r', ends: ['trainer-0', 'trainer-1'] }])
  await host(1, 2)
  t.deepEqual(hosted()[0]?.ends, ['trainer-0', 'trainer-1', 'trainer-2'])
  // A later start takes the place of the tasks of an earlier one, whose late answers count no more.
  const later = await host(2, 1)
  t.deepEqual(hosted()[0]?.ends, ['trainer-1'])
  const fault = { type: 'not-hosting', run: 'r', ends: ['trainer-1'], cause: new Error('late') } as const
  first?.replyTo.tell({ ...fault, start: 1 })
  await system.idle()
  t.deepEqual(hosted()[0]?.ends, ['trainer-1'])
  later?.replyTo.tell({ ...fault, start: 2 })
  await system.idle()
  t.deepEqual(hosted(), [])
  await host(2, 0, 1)
  await release(['trainer-0'])
  t.deepEqual(hosted()[0]?.ends, ['trainer-1'])
  await release()
  t.deepEqual(hosted(), [])
  await system.terminate()
})
