import { setTimeout as wait } from 'node:timers/promises'
import { Command } from 'commander'
import type { CommandContext } from '../context.ts'
import { watchView } from './watch-view.ts'
import { watchedJobs } from './watched-jobs.ts'

const lookEveryMs = 2000

/** `flamectl jobs`: what concerns jobs as they run. */
export function jobsCommand({ connect, print }: CommandContext): Command {
  const watch = new Command('watch')
    .argument('[jobId]', 'one job, until it has ended; without it all, until Ctrl-C')
    .description('show how jobs come on')
    .action(async (jobId: string | undefined) => {
      const connection = await connect()
      const stop = new AbortController()
      await using view = await watchView(print, process.stdout)
      const jobs = watchedJobs(connection, jobId, stop.signal, (row, event) => view.changed(jobs.rows(), row, event))
      try {
        await jobs.look()
        if (jobId !== undefined) return await jobs.ended()
        for (;;) {
          await wait(lookEveryMs)
          await jobs.look()
        }
      } finally {
        stop.abort()
      }
    })
  return new Command('jobs').description('follow jobs').addCommand(watch)
}
