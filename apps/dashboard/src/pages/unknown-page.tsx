import { Empty } from '../parts/empty';
import { Heading } from '../parts/heading';
import { Link } from '../route/link';

export function UnknownPage() {
  return (
    <>
      <Heading title="Not found" />
      <Empty title="There is no page at this address.">
        <p>
          <Link to="/">Go to the jobs</Link>
        </p>
      </Empty>
    </>
  );
}
