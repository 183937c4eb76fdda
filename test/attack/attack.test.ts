import test from 'ava'
import { attacks } from './attacks.ts'
import { openTarget } from './target.ts'
import { watched } from './watched.ts'

for (const attack of attacks)
  test.serial(
    `a fiftieth of the load "${attack.name}" gets nothing, keeps nobody out and leaves nothing open`,
    async (t) => {
      if (process.platform !== 'linux') {
        t.log('not tried: only Linux tells what a process has open')
        return t.pass()
      }
      await using target = await openTarget()
      const got: string[] = []
      const { refused, requests, before, after } = await watched(target, async () => {
        got.push(...(await attack.run(target, 0.02)))
      })
      t.deepEqual(got, [])
      t.is(target.ended(), undefined)
      t.true(requests > 0)
      t.is(refused, 0)
      t.true(after.handles <= before.handles + 1, `${before.handles} → ${after.handles}`)
    },
  )
