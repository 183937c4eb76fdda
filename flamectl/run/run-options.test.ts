import test from 'ava'
import { runOptions } from './run-options.ts'

const keepOf = (keep: string) => runOptions('.', { store: 'state', keep }).keep

test('--keep takes numbers of the last and the best rounds and every so many, in a short form too', (t) => {
  t.is(keepOf('all'), undefined)
  t.deepEqual(keepOf('last=5,best=1,every=10'), { last: 5, best: 1, every: 10 })
  t.deepEqual(keepOf('best,3'), { last: 3, best: 1 })
  t.deepEqual(keepOf('last'), { last: 1 })
  t.deepEqual(keepOf('every=2, best=2'), { last: 1, best: 2, every: 2 })
  for (const odd of ['', 'every', 'last=0', 'first', 'best=', '0', 'last=1.5', '=3', 'best,'])
    t.throws(() => keepOf(odd), { code: 'RUN_OPTION', message: /--keep expects all, or/ }, odd)
})
