import test from 'ava'
import { chosen } from './chosen.ts'

const choices = { near: 1, far: 2 }

test('a setting chooses by its value', (t) => {
  t.is(chosen('distance', 'far', choices), 2)
})

test('a value that is no choice is refused with the choices', (t) => {
  const error = t.throws(() => chosen('distance', 'toString', choices), { code: 'WORKLOAD_VALUE' })
  t.is(error?.message, "setting distance must be one of near, far, but is 'toString'")
})
