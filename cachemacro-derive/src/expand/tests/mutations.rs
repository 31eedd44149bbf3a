//! Those of mutations.

use quote::quote;

use super::assert_snapshot;

#[test]
fn a_mutation() {
    let args = quote!(
        users::get_user(id, "a"),
        get_name(name, result.id),
        each(get_team(team) for team in &teams),
        key = "user:<id>",
        key = "<result.id>:<name>",
        pattern = "tasks:<id>:*",
        pattern = "teams:<result.id>:<name>:*",
        on = ok,
        cache = self.cache
    );
    let item = quote! {
        pub async fn rename(&self, id: u64, name: String, teams: Vec<u64>) -> Result<User, DbError> {
            #![allow(unused)]
            self.rename(id, name).await?
        }
    };
    assert_snapshot("mutation", crate::expand::invalidates(args, item));
}

#[test]
fn a_mutation_of_a_transaction() {
    let args = quote!(get_user(id), commit = pending);
    let item = quote! {
        async fn rename(tx: &mut Transaction<'_>, pending: &Pending, id: u64) -> Result<(), DbError> {
            tx.rename(id).await
        }
    };
    assert_snapshot("transaction", crate::expand::invalidates(args, item));
}

#[test]
fn a_mutation_that_runs_only_under_a_guard() {
    let args = quote!(get_user(id), guard = required);
    let item = quote! {
        async fn rename(db: &Db, id: u64) -> Result<(), DbError> {
            db.rename(id).await
        }
    };
    assert_snapshot("guard_required", crate::expand::invalidates(args, item));
}

#[test]
fn a_mutation_whose_value_is_put() {
    let args = quote!(Repo::find(self.tenant, id), guard = required);
    let item = quote! {
        async fn rename(&self, id: u64, name: String) -> Result<User, DbError> {
            self.db.rename(id, name).await
        }
    };
    assert_snapshot("put", crate::expand::cache_put(args, item));
}

#[test]
fn a_mutation_that_returns_a_future() {
    let args = quote!(Repo::find(self.tenant, id), row::<User>(result), key = "search:<id:hash>");
    let item = quote! {
        fn change(&self, id: u64) -> Pin<Box<dyn Future<Output = Result<u64, ()>> + Send + '_>> {
            Box::pin(async move { Ok(id) })
        }
    };
    assert_snapshot("mutation_with_a_future", crate::expand::invalidates(args, item));
}
