import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts'
import { type LocalEnd, type LocalLife, localLives } from './local-lives.ts'

const lasting = 'process.stdin.resume().on("end", () => process.exit(0))'
const ending = 'process.exit(3)'

/** Lives of one process, whose program is this text. */
async function livesOf(folder: string, text: string, more: { readonly givenUpForMs?: number } = {}) {
  const file = join(folder, 'program.mjs')
  await writeFile(file, text)
  const begun: LocalLife[] = []
  const ends: LocalEnd[] = []
  let noted = () => {}
  const lives = localLives({
    names: ['a'],
    program: pathToFileURL(file),
    setupOf(life) {
      begun.push(life)
      return life
    },
    onEnd(end) {
      ends.push(end)
      noted()
    },
    ...more,
  })
  return {
    lives,
    begun,
    ends,
    async until(isSo: () => boolean) {
      while (!isSo()) await new Promise<void>((resolve) => (noted = resolve))
    },
  }
}

test('the present life of a process has a token of its own, and no other token is accepted', async (t) => {
  await using folder = await temporaryFolder()
  const { lives, begun, ends, until } = await livesOf(folder.path, lasting)
  t.false(lives.isToken('a', ''))
  lives.start()
  const [first] = begun
  t.true(lives.isToken('a', first?.token ?? ''))
  for (const [name, token] of [
    ['a', 'another'],
    ['b', first?.token ?? ''],
  ] as const)
    t.false(lives.isToken(name, token))
  process.kill(lives.pids.get('a') ?? 0, 'SIGKILL')
  await until(() => ends.length === 1)
  t.false(lives.isToken('a', first?.token ?? ''), 'the token ends with its life')
  t.is(lives.pids.size, 0)
  await lives.close()
})

test('a process that ends by itself is started again, and given up when it has ended five times without a round', async (t) => {
  await using folder = await temporaryFolder()
  const { lives, begun, ends, until } = await livesOf(folder.path, ending)
  lives.start()
  await until(() => ends.length === 2)
  lives.noteRound()
  await until(() => lives.isGivenUp('a'))
  t.is(ends.length, 2 + 5)
  t.is(new Set(begun.map(({ token }) => token)).size, 7)
  t.is(lives.lifeOf('a'), 7)
  t.deepEqual(
    ends.map(({ isGivenUp }) => isGivenUp),
    [...Array.from({ length: 6 }, () => false), true],
  )
  t.regex(ends[0]?.cause.message ?? '', /^the process a ended by itself once .* with status 3$/)
  t.regex(ends[6]?.cause.message ?? '', /^the process a ended by itself 5 times /)
  lives.noteRound()
  t.true(lives.isGivenUp('a'), 'rounds that others commit do not bring the process back')
  await lives.close()
})

test('a process that was given up for a time is tried again, and one more end gives the process up', async (t) => {
  await using folder = await temporaryFolder()
  const { lives, ends, until } = await livesOf(folder.path, ending, { givenUpForMs: 1 })
  lives.start()
  await until(() => ends.length === 6)
  t.deepEqual(
    ends.slice(4).map(({ isGivenUp }) => isGivenUp),
    [true, true],
  )
  await lives.close()
})
