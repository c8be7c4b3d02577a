import { readOnce } from '../../lib/pages/asset';

describe('what is read once', () => {
  it('is kept for all, those who ask at the same time included', async () => {
    const read = jest.fn(() => Promise.resolve('text'));
    const load = readOnce(read);
    expect(await Promise.all([load(), load()])).toEqual(['text', 'text']);
    expect(await load()).toBe('text');
    expect(read).toHaveBeenCalledTimes(1);
  });

  it('is tried again where it could not be read', async () => {
    const read = jest.fn(() => Promise.resolve('text'));
    read.mockRejectedValueOnce(new Error('EMFILE: too many open files'));
    const load = readOnce(read);
    expect(await Promise.allSettled([load(), load()])).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    expect(await load()).toBe('text');
    expect(read).toHaveBeenCalledTimes(2);
  });
});
