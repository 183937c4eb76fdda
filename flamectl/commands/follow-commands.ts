import { setTimeout as wait } from 'node:timers/promises'
import { Command } from 'commander'
import { CodedError } from '../../runtime/errors/index.ts'
import type { CommandContext } from '../command-context.ts'
import { exitStatus } from '../exit.ts'
import { watchView } from '../follow/watch-view.ts'
import { followedEvents, type WatchedJobs, watchedJobs } from '../follow/watched-jobs.ts'
import { eventLine } from '../output/phrases.ts'

const lookEveryMs = 2000
const longestLossMs = 60_000

/** `flamectl jobs`: watches jobs as they run. */
export function jobsCommand({ connect, print, warn }: CommandContext): Command {
  const watch = new Command('watch')
    .argument('[jobId]', 'one job, until it has ended; without it all, until Ctrl-C')
    .description('show the progress of jobs')
    .action(async (jobId: string | undefined) => {
      const connection = await connect()
      const stop = new AbortController()
      await using view = await watchView({ print, warn }, process.stdout)
      const jobs = watchedJobs(
        connection,
        jobId,
        stop.signal,
        (row, event) => view.changed(jobs.rows(), row, event),
        (text) => view.tell(text),
      )
      try {
        await jobs.look()
        if (jobId !== undefined) {
          await jobs.ended()
          if (jobs.rows().some(({ state }) => state === 'failed')) process.exitCode = exitStatus.failed
          return
        }
        await lookAgain(jobs, (text) => view.tell(text))
      } finally {
        stop.abort()
      }
    })
  return new Command('jobs').description('follow jobs').addCommand(watch)
}

/** Looks for new jobs every 2 s. Goes on for a minute while the server is out of reach: it may be started again, or replaced. */
async function lookAgain(jobs: WatchedJobs, tell: (text: string) => void): Promise<never> {
  for (let lostSince: number | undefined, isWaiting = false; ; ) {
    // Without this message the command seems to hang.
    if (isWaiting !== (jobs.followed() === 0)) {
      isWaiting = !isWaiting
      tell(isWaiting ? 'no job is under way; waiting for one, until Ctrl-C' : '')
    }
    await wait(lookEveryMs)
    try {
      await jobs.look()
      lostSince = undefined
    } catch (cause) {
      lostSince ??= Date.now()
      if (!isUnreachable(cause) || Date.now() - lostSince > longestLossMs) throw cause
    }
  }
}

function isUnreachable(cause: unknown): boolean {
  return cause instanceof CodedError && cause.code === 'CLIENT_UNREACHABLE'
}

/** `flamectl logs`: shows the events of a job. */
export function logsCommand({ connect, print, warn }: CommandContext): Command {
  return new Command('logs')
    .argument('<jobId>')
    .description('show the events of a job: states, tasks, rounds, and logs of its roles')
    .option('-f, --follow', 'follow the job to its end; exit status 1 if the job has failed')
    .action(async (jobId: string, { follow = false }: { follow?: boolean }) => {
      let hasFailed = false
      for await (const event of followedEvents(await connect(), jobId, { follow, tell: warn })) {
        print.event(eventLine(event), event)
        if (event.event.type === 'state') hasFailed = event.event.state === 'failed'
      }
      if (follow && hasFailed) process.exitCode = exitStatus.failed
    })
}
