export { verticalTraining } from './vertical-training.ts'
