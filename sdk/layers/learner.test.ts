import test from 'ava'
import { learnerContract } from './learner.contract.ts'

learnerContract(test, 'engine')
learnerContract(test, 'tensorflow')
