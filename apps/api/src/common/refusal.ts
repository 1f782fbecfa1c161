/** Why a program doesn't do what it was asked to, for its caller to read as it is: the thing, the fact and the fix. */
export class Refusal extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Refusal';
  }
}
