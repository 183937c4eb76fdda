import type { DeploymentStatus, NumberedNotification } from '../../actors/index.ts'

/** A recipient that reads notifications over HTTP until its end, across restarts of the server. */
interface HttpRecipient {
  /** Types of the notifications, in the order of arrival. */
  readonly heard: readonly string[]
}

interface HttpFlamelets {
  /** By task id. */
  readonly flamelets: ReadonlyMap<string, HttpRecipient>
  readonly compute: HttpRecipient
  /** Ends all recipients, and resolves when no request is under way. */
  end(): Promise<void>
}

interface HttpFlameletsOptions {
  /** URL of the present server. */
  readonly url: () => string
  readonly compute: string
  /** The compute's key. */
  readonly key: string
  /** Resolves when the task's work is done. */
  readonly work: (task: string) => Promise<void>
  /** The compute's report on the deployment of a task. Default: success. */
  readonly reportOf?: (task: string) => DeploymentStatus[string]
}

/**
 * The deployer of a compute, and the flamelets that it starts. Both behave like the original's: each acknowledges the
 * notifications that it has handled, and repeats requests without an answer.
 */
export function httpFlamelets({
  url,
  compute,
  key,
  work,
  reportOf = () => 'agentDeploySuccess',
}: HttpFlameletsOptions): HttpFlamelets {
  const ending = new AbortController()
  const flamelets = new Map<string, HttpRecipient>()
  const loops: Promise<void>[] = []

  async function ask(method: string, path: string, body?: unknown): Promise<Response | undefined> {
    while (!ending.signal.aborted) {
      try {
        const response = await fetch(url() + path, {
          method,
          headers: { 'x-api-key': key, 'content-type': 'application/json' },
          signal: ending.signal,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
        if (response.status < 500) return response
      } catch {
        // The server is down, and will be restarted.
      }
      await pause()
    }
    return undefined
  }

  const pause = () => new Promise((resolve) => setTimeout(resolve, 20))

  function recipient(path: string, handle: (type: string, job: string) => Promise<unknown>): HttpRecipient {
    const heard: string[] = []
    const loop = async () => {
      for (let acknowledged = 0; !ending.signal.aborted; ) {
        const response = await ask('GET', `${path}acknowledged=${acknowledged}&waitMs=1000`)
        const found: NumberedNotification[] = response?.ok ? await response.json().catch(() => []) : []
        if (!response?.ok) await pause()
        for (const { number, notification } of found) {
          if (number !== acknowledged + 1) heard.push(`a gap before ${number}`)
          heard.push(notification.type)
          await handle(notification.type, notification.jobId)
          acknowledged = number
        }
      }
    }
    loops.push(loop())
    return { heard }
  }

  function startFlamelet(job: string, task: string, taskKey: string): void {
    if (flamelets.has(task)) return
    const report = (state: string) => ask('PUT', `/jobs/${job}/${task}/task/status?key=${taskKey}`, { state })
    const flamelet = recipient(`/jobs/${job}/${task}/notifications?key=${taskKey}&`, async (type) => {
      if (type === 'STOP_JOB') return report('terminated')
      if (type !== 'START_JOB') return undefined
      const fetched = await ask('GET', `/jobs/${job}/${task}/task?key=${taskKey}`)
      if (!fetched?.ok) return report('failed')
      await report('running')
      return void work(task).then(() => report('completed'))
    })
    flamelets.set(task, flamelet)
  }

  const own = recipient(`/computes/${compute}/notifications?`, async (type, job) => {
    const path = `/computes/${compute}/deployments/${job}`
    const response = await ask('GET', `${path}/config`)
    const { agentKVs = {} }: { agentKVs?: Record<string, string> } = (await response?.json().catch(() => ({}))) ?? {}
    const isAdded = type === 'ADD_RESOURCE'
    const words = Object.keys(agentKVs).map((task) => [task, isAdded ? reportOf(task) : 'agentRevokeSuccess'] as const)
    for (const [task, word] of words) if (word === 'agentDeploySuccess') startFlamelet(job, task, agentKVs[task] ?? '')
    await ask('PUT', `${path}/status`, Object.fromEntries(words))
  })

  return {
    flamelets,
    compute: own,
    async end() {
      ending.abort()
      await Promise.all(loops)
    },
  }
}
