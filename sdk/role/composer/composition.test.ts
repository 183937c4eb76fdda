import test from 'ava'
import { type Composition, compose } from './composition.ts'

type Words = readonly string[]

const say = (word: string) => (words: Words) => [...words, word]
const greeting = (): Composition<Words, undefined> =>
  compose<Words, undefined>().step('hello', say('hello')).step('world', say('world'))

test('tasklets run in sequence, each on what the one before gave', async (t) => {
  const slow = greeting().step('later', async (words) => [...(await Promise.resolve(words)), 'later'])
  t.deepEqual(await slow.run([], undefined), ['hello', 'world', 'later'])
})

test('a loop runs its body at least once, until its end condition holds', async (t) => {
  const body = compose<Words, { readonly most: number }>().step('knock', say('knock'))
  const knocking = compose<Words, { readonly most: number }>()
    .loop((words, { most }) => words.length >= most, body)
    .step('open', say('open'))
  t.deepEqual(await knocking.run([], { most: 3 }), ['knock', 'knock', 'knock', 'open'])
  t.deepEqual(await knocking.run([], { most: 0 }), ['knock', 'open'])
})

test('surgery by alias gives a new composition, in loops too, and leaves the old one as it is', async (t) => {
  const looped = compose<Words, undefined>()
    .loop(() => true, greeting())
    .step('end', say('end'))
  const said = (composition: Composition<Words, undefined>) => composition.run([], undefined)
  t.deepEqual(await said(looped.insertBefore('world', { alias: 'small', step: say('small') })), [
    'hello',
    'small',
    'world',
    'end',
  ])
  t.deepEqual(await said(looped.insertAfter('world', { alias: 'again', step: say('again') })), [
    'hello',
    'world',
    'again',
    'end',
  ])
  t.deepEqual(await said(looped.replace('hello', { alias: 'bye', step: say('bye') })), ['bye', 'world', 'end'])
  t.deepEqual(await said(looped.remove('end')), ['hello', 'world'])
  t.deepEqual(looped.aliases(), ['hello', 'world', 'end'])
  t.is(looped.get('world').alias, 'world')
})

test('an unknown alias is named with those that there are, a taken one is refused', (t) => {
  for (const surgery of [
    () => greeting().get('nobody'),
    () => greeting().remove('nobody'),
    () => greeting().replace('nobody', { alias: 'x', step: say('x') }),
  ]) {
    const error = t.throws(surgery, { code: 'COMPOSER_ALIAS_UNKNOWN' })
    t.regex(error?.message ?? '', /nobody.*hello, world/)
  }
  t.throws(() => greeting().step('hello', say('x')), { code: 'COMPOSER_ALIAS_TAKEN' })
  t.throws(() => greeting().insertAfter('world', { alias: 'hello', step: say('x') }), { code: 'COMPOSER_ALIAS_TAKEN' })
})
